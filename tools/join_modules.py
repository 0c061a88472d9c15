"""ES modules joined into one file that does the same: a browser asks for one file, not for fifty.

Each module stays as it is written, in a function of its own, behind those that it imports:

    const modules = {};
    modules['b.js'] = (() => { ...; return { B }; })();
    modules['a.js'] = (() => { const { B } = modules['b.js']; ...; return { A }; })();

What is understood is what the page's modules use: `import { A, B } from './b.js';` and `export
const|function|async function|class A`, each at the start of a line; no circles. Anything else is an
error, never a file that does something else.

Comments on lines of their own are left out: they are for readers of the source.
"""
import re

IMPORT = re.compile(r"^import \{((?:\s*\w+,)*\s*\w*\s*)\} from '\./([\w.]+)';$", re.M)
EXPORT = re.compile(r"^export ((?:const|function|async function|class) (\w+))", re.M)
NOT_UNDERSTOOD = re.compile(r"^(?:import\b(?!\()|export\b|await\b).*", re.M)
COMMENT = re.compile(r"^[ \t]*(?:/\*.*?\*/|//[^\n]*)[ \t]*\n", re.M | re.S)
DYNAMIC = re.compile(r"\bimport\('\./([\w.]+)'\)")


def in_order(entry, sources, path=()):
    """Names of all that entry imports, and entry: each behind those that it imports itself."""
    if entry in path:
        raise ValueError(f"{' -> '.join([*path, entry])}: modules import each other in a circle")
    if entry not in sources:
        raise ValueError(f"{path[-1]} imports {entry}, which there is not")
    order = []
    for _, name in IMPORT.findall(sources[entry]):
        order += [each for each in in_order(name, sources, (*path, entry)) if each not in order]
    return order + [entry]


def without_comments(name, source):
    for line in source.splitlines():
        if line.count("`") % 2:
            raise ValueError(f"{name}: {line.strip()!r}: a text of several lines may look like a comment")
    return COMMENT.sub("", source)


def wrapped(name, source):
    source = without_comments(name, source)
    exported = ", ".join(found for _, found in EXPORT.findall(source))
    body = IMPORT.sub(r"const {\1} = modules['\2'];", source)
    body = EXPORT.sub(r"\1", body)
    left = NOT_UNDERSTOOD.search(body)
    if left:
        raise ValueError(f"{name}: {left.group()!r} is not understood here")
    return f"modules['{name}'] = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def join(entry, sources):
    """The file that stands for entry; sources: {name: text} of all modules."""
    order = in_order(entry, sources)
    for name in order:
        for late in DYNAMIC.findall(sources[name]):
            if late in order:
                raise ValueError(f"{name} imports {late} later, though it is there already")
    return "const modules = {};\n" + "".join(wrapped(name, sources[name]) for name in order)
