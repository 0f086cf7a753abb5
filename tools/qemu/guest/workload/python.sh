# CPython: builds, serialises, parses, groups and sorts dictionaries.
exec python3.11 /workload/objects.py
