"""Texts that reach every rule of the encodings: of many languages, of code, and made to hurt."""
import pathlib
import random
import sys
import unicodedata

ENGLISH = """The quick brown fox jumps over the lazy dog. It's what we'd've said they'll say, isn't it?
Don't SHOUT: I'M, YOU'RE, HE'LL, WE'VE, SHE'D, THAT'S; MacDonald's iPhone costs $1,234.56 (or so).
HTTPServerError getUserById snake_case_name SCREAMING_CASE x86_64 v1.2.3-rc4 e.g. i.e. U.S.A.
'tis the season; rock 'n' roll; 'sup; the '90s; o'clock; fo'c'sle; ''s ''' 'S'T'M'd're'VE"""
CODE = '''def f(x):\n    """Doc."""\n\tif x != 0x1F and not (x >> 3) & ~7:\n        return [i**2 for i in range(10)]
#include <vector>\r\nint main(){std::vector<int>v={1,2,3};for(auto&&e:v)printf("%d\\n",e);}\r\n\r\n
SELECT * FROM "t" WHERE a='it''s' -- comment\n/* ///// */ https://example.org/a/b//c?d=e&f=%20#g
{"key": [1, 2.5e-10, null, true], "nested": {"a": "\\u00e9\\n"}}\n\n\n    }\n  });\n\n<div class="x">&nbsp;</div>'''
LANGUAGES = [
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427\u3002\u6570\u5b57123\u548c\u82f1\u6587ABC\u6df7\u5408\uff01",
    "\u79c1\u306f\u6771\u4eac\u306b\u4f4f\u3093\u3067\u3044\u307e\u3059\u3002\u30c6\u30b9\u30c8\u30fc\u3067\u3059\u3002\uff76\uff9e\u3005",
    "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4! \ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8\u3131\u3134",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u060c \u0661\u0662\u0663 \u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e, \u0967\u0968\u0969 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u041c\u0418\u0420! \u0401\u043b\u043a\u0430 \u0438 \u0451\u0436. \u0421\u0421\u0421\u0420\u043e\u0432",
    "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "Gr\u00fc\u00dfe aus K\u00f6ln, \u00c9cole, na\u00efve, \u01c5ungla \u01c8 \u01cbegu\u0161, I\u0307stanbul, stra\u00dfe\u1e9e",
    "ti\u1ebfng Vi\u1ec7t e\u0301te\u0301 A\u030angstro\u0308m", "it\u2019s \u201cquoted\u201d \u2014 dash\u2026 '\u017f \u017ft '\u017fA \u212aelvin",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f 1\ufe0f\u20e3",
    "\u2167 \u00bd \u00b2\u00b3 \u2460\u2461 \u0bf0 \U0001d7d8\U0001d7d9 \u4e00\u4e8c\u4e09 12345678 1\u06612",
    "\u1780\u17d2\u1793\u17bb\u1784 \u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8 \u1c90\u1c91 \u13a0\u13a1 \uab70 \U00010400\U00010428",
]
BLANKS = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2003", "\u2028", "\x0b", "\x0c", "\x85", "\r", "\u200b"]
WORDS = (ENGLISH + " " + CODE + " " + " ".join(LANGUAGES)).split()
SOURCES = [path.read_text(encoding="utf-8", errors="replace")[:100_000] for path in
           sorted(pathlib.Path(unicodedata.__spec__.origin or sys.executable).parent.glob("*.py"))[:3]
           + sorted(pathlib.Path(random.__file__).parent.glob("*.py"))[:12]]


def categories():
    """One character a line of Unicode's general categories, to put together at random."""
    found = {}
    for point in range(sys.maxunicode + 1):
        if not 0xd800 <= point < 0xe000:
            found.setdefault(unicodedata.category(chr(point)), []).append(chr(point))
    return list(found.values())


def every_character():
    """Each character alone, between letters, and after a blank; 64 to a text."""
    points = [point for point in range(sys.maxunicode + 1) if not 0xd800 <= point < 0xe000]
    for at in range(0, 0x20000, 16):
        some = "".join(map(chr, points[at:at + 16]))
        yield "|".join(f"{c} a{c}b A{c} {c}B{c}1 {c}\n" for c in some)
    for at in range(0x20000, len(points), 4096):
        yield "|".join(f"{chr(p)}a" for p in points[at:at + 4096:37])


def mixtures(count, seed):
    """Words, blanks, cut-off words and characters of every category, one after the other."""
    dice, kinds = random.Random(seed), categories()
    makers = [lambda: dice.choice(WORDS), lambda: dice.choice(WORDS)[:dice.randint(1, 4)],
              lambda: dice.choice(BLANKS) * dice.choice([1, 1, 1, 2, 3, 7]),
              lambda: dice.choice(dice.choice(kinds)), lambda: dice.choice("'\u2019/\\.,!?-_#@"),
              lambda: dice.choice(["'s", "'LL", "'Re", "'d", "'t", "'m", "'ve", "'\u017f"]),
              lambda: str(dice.randint(0, 10 ** dice.randint(1, 9))),
              lambda: dice.choice(ENGLISH) * dice.randint(1, 9)]
    for _ in range(count):
        some = dice.sample(makers, dice.randint(1, len(makers)))
        yield "".join(dice.choice(some)() for _ in range(dice.randint(1, 24)))


def runs(count, seed):
    """One alphabet of a few characters in long pieces: what merging finds hardest."""
    dice = random.Random(seed)
    alphabets = ["a", "ab", "aA", "etaoin", "abcdefghijklmnopqrstuvwxyz", "ACGT", " ", " \t", " \n",
                 "=-", "\u4e00\u4e8c\u5927\u7684", "\u0430\u0431", "()[]{}", "/", "\u00e9e\u0301", "_.",
                 "0123456789abcdef", "\U0001f600\u200d\ufe0f", "\uac00\ub098", "\r\n", "!?"]
    for _ in range(count):
        alphabet = dice.choice(alphabets)
        yield "".join(dice.choice(alphabet) for _ in range(int(2 ** dice.uniform(1, 10))))


def hurtful():
    """Long ones that cost other encoders the square of their length."""
    dice = random.Random(7)
    for unit in ["a", " ", "\n", "\r\n", " \n", "ab", "aA", "\t", "=", "'s", "1", "\u4e2d", "\u0301",
                 "A\u0301", "\U0001f600", "\x00", "/", "/\n", "z\u4e2d", "AAAA\u4e2d"]:
        yield unit * (100_000 // len(unit))
        yield "x" + unit * 5000 + "y"
    for alphabet in ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ", "etaoinsr", "ACGT", " \n\t", "\u4e00\u4eba\u5927\u662f"]:
        yield "".join(dice.choices(alphabet, k=100_000))


def whole():
    """Texts as they are written, and all of their beginnings that are short."""
    for text in [ENGLISH, CODE, *LANGUAGES]:
        yield from (text[:size] for size in range(len(text) + 1))
    yield from SOURCES
