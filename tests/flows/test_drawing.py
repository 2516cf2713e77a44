from flows.drawing import draw
from flows.replay import replay
from flows.settings.load import load_settings
from tests.shared import ROOT


def test_the_graph_in_the_documentation_is_the_graph_that_runs() -> None:
    recording = str(ROOT / "replay_data" / "sample.parquet")
    flow = replay(load_settings({"HFT__REPLAY__RECORDING": recording}))
    assert f"```mermaid\n{draw(flow)}```\n" in (ROOT / "docs" / "flow.md").read_text()
