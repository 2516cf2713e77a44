"""The Saros DLMM program (liquidity_book): layouts, swap walk, instructions."""
