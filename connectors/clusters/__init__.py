"""Clusters before a run begins: finding one, loading its pools."""
