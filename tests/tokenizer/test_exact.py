"""Every token is the one that tiktoken says, over the same ranks, whatever the text is."""
import base64
import json
import pathlib
import random
import subprocess
import sys

import pytest
import tiktoken
from tiktoken_ext import openai_public

from support.programs import CLEAN, HAWSER
from tokenizer import corpus

ROOT = pathlib.Path(__file__).parents[2]


def hawser(*arguments, text):
    done = subprocess.run([HAWSER, "token", "count", *arguments], input=text, capture_output=True,
                          timeout=300, env=CLEAN)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def reference(name):
    """tiktoken's encoding with its own pattern and the ranks that this build took in."""
    path = subprocess.run([sys.executable, ROOT / "tools" / "token_ranks.py", name], check=True,
                          capture_output=True, text=True).stdout.strip()
    lines = pathlib.Path(path).read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    load, openai_public.load_tiktoken_bpe = openai_public.load_tiktoken_bpe, lambda *_, **__: ranks
    try:
        pattern = getattr(openai_public, name)()["pat_str"]
    finally:
        openai_public.load_tiktoken_bpe = load
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


@pytest.fixture(scope="module", params=["o200k_base", "cl100k_base"])
def encoding(request):
    return reference(request.param)


COMPARED = {"texts": 0, "tokens": 0}


@pytest.fixture(scope="module", autouse=True)
def told(figure):
    yield
    figure(f"{COMPARED['tokens']:,} tokens of {COMPARED['texts']:,} texts compared with tiktoken's: none differs")


def assert_exact(encoding, texts):
    """Tokens and counts of every text; says which text is the first to differ."""
    texts = list(texts)
    lines = "".join(json.dumps(text) + "\n" for text in texts).encode()
    tokens = hawser("--encoding", encoding.name, "--batch", "--ids", text=lines).split("\n")
    counts = hawser("--encoding", encoding.name, "--batch", text=lines).split()
    assert len(counts) == len(texts)
    for text, ours, count in zip(texts, tokens, counts):
        theirs = encoding.encode_ordinary(text)
        assert [int(token) for token in ours.split()] == theirs, repr(text[:300])
        assert int(count) == len(theirs), repr(text[:300])
        COMPARED["tokens"] += len(theirs)
    COMPARED["texts"] += len(texts)


def test_texts_as_they_are_written(encoding):
    assert_exact(encoding, corpus.whole())


def test_every_character(encoding):
    assert_exact(encoding, corpus.every_character())


def test_mixtures(encoding, everything):
    for seed in range(20 if everything else 1):
        assert_exact(encoding, corpus.mixtures(30_000, seed))


def test_long_pieces(encoding, everything):
    assert_exact(encoding, corpus.runs(100_000 if everything else 6_000, 1))


def test_texts_made_to_hurt(encoding):
    assert_exact(encoding, corpus.hurtful())


def test_every_token_as_a_text(encoding):
    texts = (encoding.decode_single_token_bytes(rank).decode(errors="replace")
             for rank in range(encoding.n_vocab))
    assert_exact(encoding, texts)


def test_bytes_that_are_no_utf8_count_as_replacements(encoding):
    dice = random.Random(3)
    for _ in range(200):
        noise = bytes(dice.choice(b"\x80\xbf\xc2\xe0\xe2\x82\xed\xa0\xf0\x9f\x98\xf4\xff a\xc0")
                      for _ in range(dice.randint(1, 12)))
        theirs = len(encoding.encode_ordinary(noise.decode(errors="replace")))
        assert int(hawser("--encoding", encoding.name, text=noise)) == theirs, noise


def test_a_model_names_its_encoding(tmp_path):
    text = tmp_path / "text"
    text.write_text(corpus.LANGUAGES[0])
    for model, encoding in [("gpt-4o-mini", "o200k"), ("gpt-5.1", "o200k"), ("o3", "o200k"),
                            ("gpt-4-turbo", "cl100k"), ("gpt-3.5-turbo", "cl100k"),
                            ("text-embedding-3-large", "cl100k"), ("someone's", "o200k")]:
        assert hawser("-m", model, text, text=b"") == hawser("--encoding", encoding, text, text=b"")
