"""The Meteora DLMM program (lb_clmm): layouts, swap walk, instructions."""
