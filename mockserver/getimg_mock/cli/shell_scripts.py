"""Scripts of bash, zsh and fish that complete words: each walks the commands that are typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FILES: Final = "/"
"""In place of values: complete the names of files."""


@dataclass(frozen=True, slots=True)
class CompletionLevel:
    """What can follow a command: `words`, and `values` of its options.

    `path` has the command with its action, such as `clock advance`; that of the program is empty.
    No word has a character that a shell would treat in another way than as itself.
    """

    path: str
    words: list[str] = field(default_factory=list)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)


_SPACE: Final = " "
_BASH: Final = """\
_getimg_mock() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local level= found= word i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        case "$level $word" in
            {steps}) level=${{level:+$level }}$word ;;
        esac
    done
    case "$level:$previous" in
{values}
        *)
            case "$level" in
{words}
            esac
            ;;
    esac
    COMPREPLY=($(compgen -W "$found" -- "$current"))
}}
complete -o default -F _getimg_mock getimg-mock
"""
_ZSH: Final = """\
#compdef getimg-mock
_getimg_mock() {{
    local level= previous=$words[CURRENT-1] word
    local -a found
    for word in ${{words[2,CURRENT-1]}}; do
        case "$level $word" in
            {steps}) level=${{level:+$level }}$word ;;
        esac
    done
    case "$level:$previous" in
{values}
        *)
            case "$level" in
{words}
            esac
            ;;
    esac
    if (( $#found )); then compadd -a found; else _files; fi
}}
if [[ $funcstack[1] == _getimg_mock ]]; then _getimg_mock; else compdef _getimg_mock getimg-mock; fi
"""
_FISH: Final = """\
function __getimg_mock_words
    set -l level ''
    set -l typed (commandline -opc)
    for word in $typed[2..-1]
        switch "$level $word"
            case {steps}
                set level (string trim "$level $word")
        end
    end
    switch "$level:$typed[-1]"
{values}
        case '*'
            switch "$level"
{words}
            end
    end
end
complete -c getimg-mock -f -a '(__getimg_mock_words)'
"""


def render_bash(levels: Sequence[CompletionLevel]) -> str:
    """Return the script for bash 3.2 and newer."""
    return _render_posix(_BASH, levels, 'found="{}"')


def render_zsh(levels: Sequence[CompletionLevel]) -> str:
    """Return the script for zsh: a function file, which may also be evaluated."""
    return _render_posix(_ZSH, levels, "found=({})")


def render_fish(levels: Sequence[CompletionLevel]) -> str:
    """Return the script for fish 3 and newer."""
    values, words = [], []
    for level, options, found in _list_values(levels):
        names = " ".join(f"'{level.path}:{option}'" for option in options)
        show = "__fish_complete_path (commandline -ct)"
        if found != (FILES,):
            show = f"string split -- ' ' '{_SPACE.join(found)}'"
        values += [f"        case {names}", f"            {show}"]
    for level in levels:
        shown = " ".join(level.words)
        words += [
            f"                case '{level.path}'",
            f"                    string split -- ' ' '{shown}'",
        ]
    steps = " ".join(f"'{each}'" for each in _list_steps(levels))
    return _FISH.format(steps=steps, values="\n".join(values), words="\n".join(words))


SCRIPTS: Final[dict[str, Callable[[Sequence[CompletionLevel]], str]]] = {
    "bash": render_bash,
    "zsh": render_zsh,
    "fish": render_fish,
}
"""What renders the script of each shell."""


def _render_posix(script: str, levels: Sequence[CompletionLevel], assign: str) -> str:
    values = []
    for level, options, found in _list_values(levels):
        names = "|".join(f'"{level.path}:{option}"' for option in options)
        shown = "" if found == (FILES,) else " ".join(found)
        values.append(f"        {names}) {assign.format(shown)} ;;")
    words = [
        f'                "{level.path}") {assign.format(" ".join(level.words))} ;;'
        for level in levels
    ]
    steps = "|".join(f'"{each}"' for each in _list_steps(levels))
    return script.format(steps=steps, values="\n".join(values), words="\n".join(words))


def _list_steps(levels: Sequence[CompletionLevel]) -> list[str]:
    """Return each way from a level to one below: the path of the upper one, a space, a word."""
    return [
        f"{upper} {name}"
        for upper, _, name in (each.path.rpartition(" ") for each in levels if each.path)
    ]


def _list_values(
    levels: Sequence[CompletionLevel],
) -> Iterator[tuple[CompletionLevel, list[str], tuple[str, ...]]]:
    """Yield the options of each level that have the same values, with these values."""
    for level in levels:
        for found in dict.fromkeys(level.values.values()):
            yield level, [name for name, each in level.values.items() if each == found], found
