"""The documentation shows the tables of phases as they are."""

from connectors.execution.order_phases_drawing import draw_transactions, table_orders
from tests.shared import ROOT

TEXT = (ROOT / "docs" / "execution.md").read_text()


def test_the_diagram_of_a_transaction_in_the_documentation_is_the_table() -> None:
    assert f"```mermaid\n{draw_transactions()}```\n" in TEXT


def test_the_phases_of_an_order_in_the_documentation_are_the_table() -> None:
    assert f"\n\n{table_orders()}\n" in TEXT
