"""Stores the encodings of an upload and its metadata."""
import hashlib

import psycopg2.extras

from . import projects
from .stores import database, one

BINARY_BLOCK = "1"
"""Name of the only block of a binary or external upload without blocks. JSON uploads use the hash of this name."""


def hash_block_name(name):
    return hashlib.blake2b(str(name).encode(), digest_size=32).hexdigest()


def count_blocks(names_by_row):
    """Returns the number of records in each block, by the hash of its name."""
    counts = {}
    for names in names_by_row:
        for name in names:
            hashed = hash_block_name(name)
            counts[hashed] = counts.get(hashed, 0) + 1
    return counts


def insert_upload(cursor, dataprovider, receipt_token, file, count, block_count):
    cursor.execute(
        """INSERT INTO uploads (dp, token, file, count, block_count, state)
           VALUES (%s, %s, %s, %s, %s, 'pending')""", (dataprovider, receipt_token, file, count, block_count))


def insert_blocks(cursor, dataprovider, counts):
    psycopg2.extras.execute_values(
        cursor, "INSERT INTO blocks (dp, block_name, count, state) VALUES %s",
        [(dataprovider, name, count, "pending") for name, count in counts.items()])


def set_encoding_size(cursor, dataprovider, size):
    cursor.execute("UPDATE uploads SET encoding_size = %s WHERE dp = %s", (size, dataprovider))


def mark_ready(cursor, dataprovider):
    """Marks an upload as ready. Also clears its file name, so that nothing removes the file later."""
    cursor.execute("UPDATE uploads SET state = 'ready', file = NULL WHERE dp = %s", (dataprovider,))


def store(cursor, dataprovider, rows):
    """Stores rows of a record number, an encoding, and block names as they are in the database."""
    blocks = projects.blocks(cursor, dataprovider)
    encodings, memberships = [], []
    for record, encoding, names in rows:
        encoding_id = (dataprovider << 32) + record
        encodings.append((encoding_id, record.to_bytes(4, "big") + encoding, dataprovider))
        memberships += [(dataprovider, record, encoding_id, blocks[name][0]) for name in names]
    psycopg2.extras.execute_values(
        cursor, "INSERT INTO encodings (encoding_id, encoding, dp) VALUES %s", encodings, page_size=4096)
    psycopg2.extras.execute_values(
        cursor, "INSERT INTO encodingblocks (dp, entity_id, encoding_id, block_id) VALUES %s", memberships,
        page_size=4096)


def store_without_blocks(dataprovider, receipt_token, encodings, size):
    """Stores a binary or external upload whose records are all in one block."""
    with database() as cursor:
        insert_upload(cursor, dataprovider, receipt_token, None, len(encodings), 1)
        set_encoding_size(cursor, dataprovider, size)
    with database() as cursor:
        insert_blocks(cursor, dataprovider, {BINARY_BLOCK: len(encodings)})
        store(cursor, dataprovider, ((row, encoding, [BINARY_BLOCK]) for row, encoding in enumerate(encodings)))
        mark_ready(cursor, dataprovider)


def split_rows(content, size, count):
    return [content[row * size:(row + 1) * size] for row in range(count)]


def dataprovider_of(cursor, update_token):
    return one(cursor, "SELECT id FROM dataproviders WHERE token = %s", (update_token,))


def set_upload_state(cursor, dataprovider, state):
    cursor.execute("UPDATE dataproviders SET uploaded = %s WHERE id = %s", (state, dataprovider))
