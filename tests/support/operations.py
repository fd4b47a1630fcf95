"""A request for each operation of the gateway's table, as its API has it. Each that has texts has the word in them."""
import functools
import json
import subprocess

from support.programs import HAWSER
from support.spellings import WORD

TEXT = [{"role": "user", "content": f"tell me of {WORD}"}]
CHAT = {"model": "small", "messages": TEXT}
GEMINI = {"contents": [{"parts": [{"text": WORD}]}]}
# By operation: method, path, body ("form": a form with a model, a text and a file).
OPERATIONS = {
    "chat": ("POST", "/v1/chat/completions", CHAT),
    "completions": ("POST", "/v1/completions", {"model": "small", "prompt": WORD}),
    "responses": ("POST", "/v1/responses", {"model": "small", "input": WORD}),
    "compact_response": ("POST", "/v1/responses/compact", {"model": "small", "input": WORD}),
    "messages": ("POST", "/v1/messages", {**CHAT, "max_tokens": 5}),
    "gemini_generate": ("POST", "/v1beta/models/small:generateContent", GEMINI),
    "gemini_stream": ("POST", "/v1beta/models/small:streamGenerateContent", GEMINI),
    "embeddings": ("POST", "/v1/embeddings", {"model": "small", "input": [WORD]}),
    "gemini_embed": ("POST", "/v1beta/models/small:embedContent", {"content": {"parts": [{"text": WORD}]}}),
    "moderations": ("POST", "/v1/moderations", {"model": "small", "input": WORD}),
    "rerank": ("POST", "/v1/rerank", {"model": "small", "query": WORD, "documents": ["a"]}),
    "speech": ("POST", "/v1/audio/speech", {"model": "small", "input": WORD, "voice": "alloy"}),
    "transcription": ("POST", "/v1/audio/transcriptions", "form"),
    "translation": ("POST", "/v1/audio/translations", "form"),
    "image_generation": ("POST", "/v1/images/generations", {"model": "small", "prompt": WORD}),
    "image_edit": ("POST", "/v1/images/edits", "form"),
    "image_variation": ("POST", "/v1/images/variations", "form"),
    "count_tokens": ("POST", "/v1/messages/count_tokens", CHAT),
    "count_response_tokens": ("POST", "/v1/responses/input_tokens", {"model": "small", "input": WORD}),
    "gemini_count_tokens": ("POST", "/v1beta/models/small:countTokens", GEMINI),
    "list_models": ("GET", "/v1/models", None),
    "get_model": ("GET", "/v1/models/small", None),
    "generations": ("GET", "/v1/generations/g-1", None),
    "stored_response": ("GET", "/v1/responses/resp_1", None),
    "cancel_response": ("POST", "/v1/responses/resp_1/cancel", {"note": WORD}),
    "stored_chat": ("POST", "/v1/chat/completions/chatcmpl-1", {"metadata": {"a": WORD}}),
    "files": ("POST", "/v1/files", "form"),
    "uploads": ("POST", "/v1/uploads", {"filename": WORD, "purpose": "batch"}),
    "batches": ("POST", "/v1/batches", {"input_file_id": "file-1", "metadata": {"a": WORD}}),
    "message_batches": ("POST", "/v1/messages/batches", {"requests": [{"params": CHAT}]}),
    "conversations": ("POST", "/v1/conversations", {"items": TEXT}),
    "assistants": ("POST", "/v1/assistants", {"model": "small", "instructions": WORD}),
    "threads": ("POST", "/v1/threads/thread_1/messages", {"role": "user", "content": WORD}),
    "fine_tuning": ("POST", "/v1/fine_tuning/jobs", {"model": "small", "training_file": "file-1", "suffix": WORD}),
    "vector_stores": ("POST", "/v1/vector_stores/vs_1/search", {"query": WORD}),
    "containers": ("POST", "/v1/containers", {"name": WORD}),
    "evals": ("POST", "/v1/evals/eval_1/runs", {"data_source": {"type": "completions", "model": "small", "prompt": WORD}}),
    "videos": ("POST", "/v1/videos", {"model": "small", "prompt": WORD}),
    "cached_contents": ("POST", "/v1beta/cachedContents", {"model": "models/small", **GEMINI}),
    "skills": ("POST", "/v1/skills", {"name": WORD}),
    "administration": ("POST", "/v1/organization/users", {"role": "owner", "name": WORD}),
    "unknown": ("POST", "/v1/agents/agent_1", {"model": {"id": "small"}, "query": WORD}),
}
# Those that stream where the body says so; and requests that have no body to say it in.
STREAMED = {f"{name}, streamed": (*OPERATIONS[name][:2], {**OPERATIONS[name][2], "stream": True})
            for name in ("chat", "completions", "responses", "messages")}
MORE = {"unknown, read": ("GET", f"/v1/search?q={WORD}", None), "batches, listed": ("GET", "/v1/batches", None),
        "image_edit, as JSON": ("POST", "/v1/images/edits", {"model": "small", "prompt": WORD})}
ALL = {**OPERATIONS, **STREAMED, **MORE}


def operation_of(name):
    return name.partition(", ")[0]


@functools.cache
def table():
    """The rows of `hawser operations`, in their order."""
    out = subprocess.run([HAWSER, "operations", "--json"], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def traits(name):
    """What holds for an operation whatever row of it was matched."""
    return next(row for row in table() if row["operation"] == operation_of(name))


def bought(asked):
    """Whether something is bought by a request with that method."""
    rows = [row for row in table() if row["operation"] == operation_of(asked.operation)]
    return any(row["bought"] and row["method"] in ("", asked.method) for row in rows) and \
        (asked.method != "GET" or operation_of(asked.operation) == "unknown")


def grants():
    """Every word of `keys[].operations`."""
    return sorted({row["grant"] for row in table()} - {""})
