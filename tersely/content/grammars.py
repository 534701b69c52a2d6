"""What is a comment, a body, an import in each programming language, as data.

The names are those of the tree-sitter grammars inside `ast-grep-py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grammar:
    """How one language is cut.

    Attributes:
        name: What `ast-grep-py` calls it.
        containers: Nodes whose children are statements or declarations that may go one by one.
        outlines: Containers, or parents of containers, of declarations: a module, a class.
        comments: Nodes that are comments.
        literals: Nodes whose children are values with commas, of which any may go.
        imports: Nodes that bring other modules in.
        parts: Children of containers that are no statements: they always stay.
        before: Children that belong to the next one: a decorator.
        after: Children that belong to the one before: the text of a heredoc.
        note: What is written where statements of a body are missing.
        needs: Whether a body must have a statement; `note` is one then.
        joins: Whether a statement may go on in the next line, so that a line that begins with
            a bracket or an operator must not get another line before it.
        pinned: A regular expression of declarations without which their uses are no syntax.
        cues: A regular expression of what only this language writes, by lines.
    """

    name: str
    containers: frozenset[str]
    outlines: frozenset[str]
    comments: frozenset[str] = frozenset({"comment"})
    literals: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    note: str = "// ..."
    needs: bool = False
    joins: bool = False
    pinned: str = ""
    cues: str = ""


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


_MODIFIERS = r"(?:(?:public|private|protected|internal|static|final|abstract|override|async) +)"
_PREPROC = "preproc_if preproc_ifdef preproc_else preproc_elif preproc_elifdef"
_JS_CUES = (
    r"(?:export +)?(?:default +)?(?:async +)?function\b\*? *\w*\(|(?:export +)?(?:const|let|var) +"
    r"(?:\w+|[{\[][^=\n]*[}\]])(?: *: *[^=\n]+)? *= *|import\b[^;\n]*\bfrom +['\"]|import +['\"]"
    r"|(?:module\.)?exports\b[.\w]* *=|\} *(?:else|catch|finally)\b.*\{$"
    r"|(?:export +)?class +\w+[^:\n]*\{$"
    r"|(?:async +)?\w+\([^()\n]*\) *\{$|[\w.]+\(.*=> *\{$|['\"]use strict['\"];?"
)
_TS_CUES = (
    r"|(?:export +)?(?:declare +)?(?:interface|enum|namespace|abstract class) +\w+.*\{$"
    rf"|(?:export +)?type +\w+(?:<.*>)? *=|{_MODIFIERS}+(?:readonly +)?\w+.*[;{{]$|import +type\b"
)

_JAVASCRIPT = Grammar(
    "javascript",
    containers=_kinds("program statement_block class_body switch_body"),
    outlines=_kinds("program class_body"),
    literals=_kinds("array object"),
    comments=_kinds("comment html_comment"),
    imports=_kinds("import_statement"),
    parts=_kinds("hash_bang_line"),
    before=_kinds("decorator"),
    joins=True,
    pinned=r"(?:static\s+)?#",  # private fields
    cues=_JS_CUES,
)


def _typescript(name: str) -> Grammar:
    return Grammar(
        name,
        containers=_JAVASCRIPT.containers | _kinds("interface_body"),
        outlines=_JAVASCRIPT.outlines | _kinds("interface_body internal_module module"),
        literals=_JAVASCRIPT.literals,
        comments=_JAVASCRIPT.comments,
        imports=_JAVASCRIPT.imports,
        parts=_JAVASCRIPT.parts,
        before=_JAVASCRIPT.before,
        joins=True,
        pinned=_JAVASCRIPT.pinned,
        cues=_JS_CUES + _TS_CUES,
    )


def _c(name: str, extra: str, cues: str) -> Grammar:
    lists = f"translation_unit field_declaration_list declaration_list {_PREPROC}"
    return Grammar(
        name,
        containers=_kinds(f"{lists} compound_statement"),
        outlines=_kinds(lists),
        imports=_kinds("preproc_include using_declaration"),
        parts=_kinds("access_specifier " + extra),
        cues=r"#\s*(?:include +[<\"]|ifn?def\b|define +\w|pragma\b|endif\b)"
        r"|(?:static |const |unsigned |inline |extern )*\w+[ *]+\w+\([^;\n]*\) *\{?$"
        r"|(?:typedef +)?(?:struct|enum|union)\b.*\{$|return\b.*;$" + cues,
    )


_ALL = (
    Grammar(
        "python",
        containers=_kinds("module block"),
        outlines=_kinds("module class_definition"),
        literals=_kinds("list dictionary set"),
        imports=_kinds("import_statement import_from_statement future_import_statement"),
        note="...",
        needs=True,
        cues=r"(?:async +)?def +\w+ *\(.*|class +\w+ *(?:\(.*)?:$|from +[.\w]+ +import +[\w(*]"
        r"|import +[\w.]+(?: +as +\w+)?(?:, *[\w.]+)*$|(?:if|elif|for|while|with)\b.*:$"
        r"|(?:else|try|finally) *:|except\b.*:$|@\w[\w.]*(?:\(.*)?$|return\b|(?:self\.)?\w+ *= *\S"
        r"|print\(.*\)$|raise +\w+",
    ),
    _JAVASCRIPT,
    _typescript("typescript"),
    _typescript("tsx"),
    Grammar(
        "java",
        containers=_kinds(
            "program block constructor_body class_body interface_body annotation_type_body"
            " enum_body_declarations switch_block"
        ),
        outlines=_kinds(
            "program class_body interface_body annotation_type_body enum_body_declarations"
        ),
        comments=_kinds("line_comment block_comment"),
        imports=_kinds("import_declaration"),
        parts=_kinds("package_declaration"),
        cues=r"import +(?:static +)?[a-z][\w.]*(?:\.\*)?;|package +[\w.]+;|@[A-Z]\w+(?:\(.*)?$"
        rf"|{_MODIFIERS}+(?:<.*> +)?(?:class|interface|enum|record|@interface|[\w<>\[\], ?.]+)"
        r" +\w+.*[{;(,]$|return\b.*;$",
    ),
    _c("c", "", ""),
    _c(
        "cpp",
        "module_declaration",
        r"|using +namespace +\w+;|namespace\b.*\{|template *<|(?:public|private|protected):$"
        r"|class +\w+.*[{;]$|(?:const +)?std::\w+|[\w<>:]+::~?\w+\(.*",
    ),
    Grammar(
        "go",
        containers=_kinds("source_file statement_list field_declaration_list"),
        outlines=_kinds("source_file field_declaration_list"),
        imports=_kinds("import_declaration"),
        parts=_kinds("package_clause"),
        joins=True,
        cues=r"package +\w+$|func +(?:\(.*?\) *)?\w+\(.*\{$|import +(?:\(|\")|type +\w+ +(?:struct|"
        r"interface) *\{|\w+(?:, *\w+)* := ",
    ),
    Grammar(
        "rust",
        containers=_kinds(
            "source_file declaration_list block field_declaration_list enum_variant_list"
            " match_block"
        ),
        outlines=_kinds("source_file declaration_list field_declaration_list enum_variant_list"),
        comments=_kinds("line_comment block_comment"),
        imports=_kinds("use_declaration extern_crate_declaration"),
        parts=_kinds("shebang inner_attribute_item"),
        before=_kinds("attribute_item"),
        cues=r"(?:pub(?:\(\w+\))? +)?(?:async +|unsafe +|const +)*fn +\w+|use +[\w:]+.*[;{]$"
        r"|impl\b.*\{$|let +(?:mut +)?\w+.*[;{(]$|#!?\[.*\]$"
        r"|(?:pub +)?(?:struct|enum|trait|mod) +\w+.*[{;]$|match +.*\{$|macro_rules!",
    ),
    Grammar(
        "csharp",
        containers=_kinds("compilation_unit declaration_list block switch_body"),
        outlines=_kinds("compilation_unit declaration_list"),
        imports=_kinds("using_directive"),
        parts=_kinds(
            "preproc_region preproc_endregion preproc_if preproc_else preproc_elif preproc_endif"
            " preproc_nullable preproc_pragma preproc_define file_scoped_namespace_declaration"
            " shebang_directive extern_alias_directive"
        ),
        cues=r"using +(?:static +)?[A-Z][\w.]*;|namespace +[\w.]+[;{]?$|\[[A-Z]\w+(?:\(.*\))?\]$"
        rf"|{_MODIFIERS}+(?:class|interface|enum|record|struct|[\w<>\[\], ?.]+) +\w+.*[{{;)]?$"
        r"|return\b.*;$",
    ),
    Grammar(
        "ruby",
        containers=_kinds("program body_statement block_body then"),
        outlines=_kinds("program class module singleton_class"),
        parts=_kinds("rescue ensure else elsif when in uninterpreted"),
        after=_kinds("heredoc_body"),
        note="# ...",
        joins=True,
        cues=r"def +(?:self\.)?\w+[?!=]?(?:\(.*\))?$|end$|require(?:_relative)? +['\"]"
        r"|module +[A-Z]\w*|class +[A-Z]\w*(?: *< *[\w:]+)?$|attr_\w+ +:"
        r"|[\w.@()]+ do(?: *\|.*\|)?$|(?:unless|elsif) +",
    ),
    Grammar(
        "php",
        containers=_kinds("program compound_statement declaration_list switch_block"),
        outlines=_kinds("program declaration_list"),
        imports=_kinds("namespace_use_declaration"),
        parts=_kinds("php_tag php_end_tag text text_interpolation"),
        cues=r"<\?php\b|namespace +[\w\\]+;|use +[\w\\]+.*;"
        r"|\$\w+(?:->\w+|\[.*\])* *=[^=]|(?:return +)?\$this->"
        rf"|{_MODIFIERS}*function +&?\w*\(.*",
    ),
    Grammar(
        "kotlin",
        containers=_kinds("source_file statements class_body"),
        outlines=_kinds("source_file class_body"),
        comments=_kinds("line_comment multiline_comment"),
        imports=_kinds("import_list"),
        parts=_kinds("package_header file_annotation shebang_line"),
        joins=True,
        cues=rf"(?:{_MODIFIERS}|suspend +|inline +)*fun +(?:<.*> *)?[\w.<>?]+\(.*|package +[\w.]+$"
        r"|import +[a-z][\w.*]+$|(?:data|sealed|open|enum) +class\b.*|(?:private +)?val +\w+.*=.*"
        r"|when *(?:\(.*\))? *\{$|(?:companion +)?object\b.*\{$",
    ),
    Grammar(
        "swift",
        containers=_kinds("source_file statements class_body protocol_body"),
        outlines=_kinds("source_file class_body protocol_body"),
        comments=_kinds("comment multiline_comment"),
        imports=_kinds("import_declaration"),
        parts=_kinds("shebang_line"),
        joins=True,
        cues=rf"(?:{_MODIFIERS}|mutating +|@\w+ +)*func +\w+.*\{{$|import +[A-Z]\w+$|guard +.*"
        r"|(?:extension|protocol|struct) +\w+.*\{$|(?:if|guard) +let\b.*"
        r"|let +\w+.*=.*[^;]$",
    ),
    Grammar(
        "scala",
        containers=_kinds("compilation_unit template_body block case_block"),
        outlines=_kinds("compilation_unit template_body"),
        comments=_kinds("comment block_comment"),
        imports=_kinds("import_declaration"),
        parts=_kinds("package_clause self_type"),
        joins=True,
        cues=r"(?:override +|private +|implicit +)*def +\w+.*=(?: *\{)?$"
        r"|(?:case +)?(?:object|class|trait) +\w+.*\{$|package +[\w.]+$"
        r"|import +[\w.]+(?:\{.*\}|\._)?$|(?:lazy +)?val +\w+.*=.*"
        r"|case +.*=>.*",
    ),
    Grammar(
        "bash",
        containers=_kinds("program compound_statement do_group"),
        outlines=_kinds("program"),
        after=_kinds("heredoc_body"),
        note=": ...",
        needs=True,
        cues=r"#!.*\b(?:ba|z|k|da)?sh\b|(?:function +)?[\w-]+ *\(\) *\{?$|if +!? *\[.*(?:then)?$"
        r"|.*; *(?:then|do)$|(?:fi|done|esac|then|do)$|\w+=(?:[\"'$\w/.-].*)?$|export +\w+="
        r"|echo +[\"'$]|set +-[eux]+|local +\w+=",
    ),
    Grammar(
        "lua",
        containers=_kinds("chunk block"),
        outlines=_kinds("chunk"),
        parts=_kinds("hash_bang_line"),
        note="-- ...",
        joins=True,
        cues=r"local +(?:function +)?[\w, ]+(?:=|\(|$)|function +[\w.:]+\(.*\)$|end[),]*$"
        r"|if .* then$|for .* do$",
    ),
)

GRAMMARS: dict[str, Grammar] = {grammar.name: grammar for grammar in _ALL}
"""The languages that can be cut, by name."""
