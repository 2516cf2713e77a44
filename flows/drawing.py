"""Draw a dataflow as a Mermaid flowchart, with every operator of ours opened up: `python -m flows.drawing`."""

from collections.abc import Iterator, Sequence

from bytewax.dataflow import Dataflow
from bytewax.visualize import RenderedOperator, to_rendered


def draw(flow: Dataflow) -> str:
    """Return the flowchart's text: a box for each step that Bytewax runs, a frame for each operator around them."""
    steps = to_rendered(flow).substeps
    lines = ["flowchart TD", *_boxes(steps, 1)]
    ports = {port.port_id: port.from_port_ids for step in _all(steps) for port in (*step.inp_ports, *step.out_ports)}
    makers = {port.port_id: step for step in _leaves(steps) for port in step.out_ports}
    for step in _leaves(steps):
        for port in step.inp_ports:
            for maker in _makers(port.from_port_ids, ports, makers):
                lines.append(f"    {_name(maker)} --> {_name(step)}")
    return "\n".join(lines) + "\n"


def _boxes(steps: Sequence[RenderedOperator], depth: int) -> Iterator[str]:
    indent = "    " * depth
    for step in steps:
        label = step.step_id.rpartition(".")[2]
        if _is_leaf(step):
            yield f'{indent}{_name(step)}["{label} ({step.op_type})"]'
        else:
            yield f'{indent}subgraph {_name(step)}["{label}"]'
            yield from _boxes(step.substeps, depth + 1)
            yield f"{indent}end"


def _is_leaf(step: RenderedOperator) -> bool:
    """Bytewax's own operators are shown whole; ours have functions of this project around them."""
    return not step.substeps or step.op_type not in {"trade", "pool_desk", "portfolio"}


def _all(steps: Sequence[RenderedOperator]) -> Iterator[RenderedOperator]:
    for step in steps:
        yield step
        yield from _all(step.substeps)


def _leaves(steps: Sequence[RenderedOperator]) -> Iterator[RenderedOperator]:
    for step in steps:
        if _is_leaf(step):
            yield step
        else:
            yield from _leaves(step.substeps)


def _makers(
    port_ids: list[str], ports: dict[str, list[str]], makers: dict[str, RenderedOperator]
) -> Iterator[RenderedOperator]:
    for port_id in port_ids:
        if port_id in makers:
            yield makers[port_id]
        else:
            yield from _makers(ports.get(port_id, []), ports, makers)


def _name(step: RenderedOperator) -> str:
    return step.step_id.replace(".", "_")


if __name__ == "__main__":
    from flows.live import Run, live
    from flows.planted import planted_pools
    from flows.settings.tree import Settings

    print(draw(live(Settings(), "the sandbox", planted_pools(), list, Run())), end="")
