"""What the ledger of a gateway holds."""
import contextlib
import sqlite3


def rows_of(gateway, path, count):
    """All rows as dicts, in their order, once there are `count` of them."""
    assert gateway.settled_metric("hawser_ledger_rows_total", count) >= count
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        ledger.row_factory = sqlite3.Row
        return [dict(row) for row in ledger.execute("SELECT * FROM attempts ORDER BY id")]
