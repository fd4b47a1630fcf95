#!/usr/bin/env python3
"""Compiles the ranks of one encoding into the tables that src/tokenizer/vocabulary.hpp reads.

All that can be known beforehand is worked out here, so that the gateway maps the result and has
nothing to load. Little-endian; a header of 32-bit numbers, then

  cells   a double array: the child of a node by byte b is the cell at base + b, if it has that label
          0-7 label, 8 occupied, 9 a token ends here, 10-31 base of its own children
  ends    for each cell the token that ends there
and of 64-bit words
  tokens  by rank: 0-17 left and 18-35 right of the two tokens that merge into it (itself: one byte),
          36-53 longest token that it begins with plus 1, 54-61 bytes
  merges  open addressing: 0-17 left, 18-35 right, 36-53 what they merge into; all ones: empty
  filter  a bit for each hash of a pair: not set, the pair is not among the merges
"""
import argparse
import hashlib
import pathlib
import struct
import sys

import token_ranks

MAGIC = 0x314b5448
MULTIPLIER = 0x9e3779b97f4a7c15  # of the hash of a pair
RANK_BITS = 18
FILTER_BITS = 21
CROWDED = 4  # children
LINE = 16  # cells
EMPTY = (1 << 64) - 1


def split_of(token, rank, ranks):
    """The two parts that the merge of `rank` joins, as merging by rank comes to them."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best, at = rank, -1
        for i in range(len(parts) - 1):
            found = ranks.get(parts[i] + parts[i + 1], rank)
            if found < best:
                best, at = found, i
        if at < 0:
            raise RuntimeError(f"no merges lead to token {rank}")
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return [ranks[part] for part in parts]


def token_words(tokens, ranks):
    for rank, token in enumerate(tokens):
        left, right = split_of(token, rank, ranks) if len(token) > 1 else (rank, rank)
        shorter = next((ranks[token[:size]] + 1 for size in range(len(token) - 1, 0, -1)
                        if token[:size] in ranks), 0)
        yield left | right << RANK_BITS | shorter << 2 * RANK_BITS | len(token) << 3 * RANK_BITS


def merge_words(words):
    """The hash table of all merges, and its filter. What the filter lets by is mostly there, so the
    table may be full to 7/8."""
    bits = (len(words) * 8 // 7).bit_length()
    table, hashes = [EMPTY] * (1 << bits), bytearray(1 << FILTER_BITS - 3)
    pair_mask = (1 << 2 * RANK_BITS) - 1
    for rank, word in enumerate(words):
        pair = word & pair_mask
        if pair == rank | rank << RANK_BITS:
            continue
        mixed = pair * MULTIPLIER & EMPTY
        at, bit = mixed >> 64 - bits, mixed >> 64 - FILTER_BITS
        hashes[bit >> 3] |= 1 << (bit & 7)
        while table[at] != EMPTY:
            at = (at + 1) % len(table)
        table[at] = pair | rank << 2 * RANK_BITS
    return bits, table, hashes


def children_of(tokens):
    """Every prefix of a token with the bytes that may follow, in the order of ranks."""
    children = {b"": []}
    for token in tokens:
        for size in range(len(token)):
            following = children.setdefault(token[:size], [])
            if token[:size + 1] not in children:
                children[token[:size + 1]] = []
                following.append(token[size])
    return children


class DoubleArray:
    """Places nodes so that no two have the same base: then a label alone tells whose child it is."""

    def __init__(self, cells):
        self.occupied = bytearray(cells)
        self.used_bases = bytearray(cells)
        self.starts = {}  # where to look next, by the number of children

    def place(self, labels, near=None):
        """A base for a node with children of these labels, in ascending order."""
        first, count = labels[0], len(labels)
        start = self.starts.get(count, 0) if near is None else near
        at = self.occupied.find(0, max(start, first + 1))
        while True:
            base = at - first
            if not self.used_bases[base] and not any(self.occupied[base + c] for c in labels):
                break
            at = self.occupied.find(0, at + 1)
        if near is None:
            self.starts[count] = at
        self.used_bases[base] = 1
        for label in labels:
            self.occupied[base + label] = 1
        return base


def cell_words(tokens, ranks):
    """The double array and the base of its root."""
    children = children_of(tokens)
    array = DoubleArray(len(children) * 2 + 1024)
    # The crowded ones first. The many others into the gaps, in the cache line of their parent if
    # there is one; parents come before their children.
    crowded = sorted((prefix for prefix in children if len(children[prefix]) >= CROWDED),
                     key=lambda prefix: -len(children[prefix]))
    bases = {prefix: array.place(sorted(children[prefix])) for prefix in crowded}
    for prefix, labels in children.items():
        if labels and prefix not in bases:
            own = bases[prefix[:-1]] + prefix[-1]
            bases[prefix] = array.place(sorted(labels), near=own // LINE * LINE)
    size = (max(bases.values()) + 256 + 1) // 2 * 2
    cells, ends = [0] * size, [0] * size
    for prefix, base in bases.items():
        for label in children[prefix]:
            child = prefix + bytes([label])
            cells[base + label] = label | 0x100 | bases.get(child, 0) << 10
            if child in ranks:
                cells[base + label] |= 0x200
                ends[base + label] = ranks[child]
    if size >= 1 << 22:
        raise RuntimeError("more cells than a base can name")
    return bases[b""], cells, ends


def compile_tables(tokens):
    ranks = {token: rank for rank, token in enumerate(tokens)}
    if sorted(tokens[:256]) != [bytes([byte]) for byte in range(256)]:
        raise RuntimeError("the first 256 tokens are not the bytes")
    words = list(token_words(tokens, ranks))
    merge_bits, merges, hashes = merge_words(words)
    root, cells, ends = cell_words(tokens, ranks)
    header = struct.pack("<16I", MAGIC, len(tokens), root, len(cells), merge_bits, *[0] * 11)
    return (header + struct.pack(f"<{2 * len(cells)}I", *cells, *ends) +
            struct.pack(f"<{len(words) + len(merges)}Q", *words, *merges) + hashes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=token_ranks.SHA256)
    parser.add_argument("output", type=pathlib.Path)
    options = parser.parse_args()
    # Compiling takes seconds: what this very script made before is taken again.
    version = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:16]
    cached = token_ranks.cache_folder() / f"{options.name}.{version}.tables"
    try:
        if not cached.exists():
            token_ranks.write_whole(cached, compile_tables(token_ranks.load(options.name)))
    except RuntimeError as problem:
        sys.exit(f"token_tables: {problem}\nWithout a network put {options.name}.tiktoken, sha256 "
                 f"{token_ranks.SHA256[options.name]}, into {token_ranks.cache_folder()}")
    token_ranks.write_whole(options.output, cached.read_bytes())


if __name__ == "__main__":
    main()
