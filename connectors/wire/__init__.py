"""Bytes to records and back: protocols without sockets, clocks or Bytewax."""
