"""The one source of a flow, live and in replay: what feeds or files bring, in one order."""
