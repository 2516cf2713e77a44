from flows.drawing import draw
from flows.live import Run, live
from flows.planted import planted_pools
from flows.settings.tree import Settings
from tests.shared import ROOT


def test_the_graph_in_the_documentation_is_the_graph_that_runs() -> None:
    flow = live(Settings(), "the sandbox", planted_pools(), list, Run())
    assert f"```mermaid\n{draw(flow)}```\n" in (ROOT / "docs" / "flow.md").read_text()
