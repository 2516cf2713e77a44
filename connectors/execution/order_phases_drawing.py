"""Print the tables of phases for the documentation: `python -m connectors.execution.order_phases_drawing`."""

from connectors.execution.order_phases import ENDED, ORDER_PHASES, PENDING, TRANSACTION_PHASES, Phase


def draw_transactions() -> str:
    """Return the diagram of a transaction's phases, an arrow for each entry; where it can still land is framed."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.SIGNED}"]
    for phase, follows in TRANSACTION_PHASES.items():
        lines += [f"    {phase} --> {to}: {kind.__name__}" for kind, to in follows.items()]
    framed = ",".join(phase for phase in TRANSACTION_PHASES if phase in PENDING)
    lines += ["    classDef pending stroke-width:4px", f"    class {framed} pending"]
    return "\n".join(lines) + "\n"


def table_orders() -> str:
    """Return the table of an order's phases as Markdown: it has too many arrows for a diagram."""
    lines = ["| phase | is over | what may follow |", "| --- | --- | --- |"]
    for phase, follows in ORDER_PHASES.items():
        named = ", ".join(to for to in follows.values()) or "nothing"
        lines.append(f"| {phase} | {'yes' if phase in ENDED else ''} | {named} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(draw_transactions())
    print(table_orders(), end="")
