"""What the commands print is whole."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from pipeline.cli.console import show_tree


def test_a_long_line_of_a_tree_is_not_cut_off(capsys):
    tree = Tree(Text("root"))
    tree.add(Text(f"{'path/' * 100}end"))

    show_tree(tree)

    assert capsys.readouterr().out == f"root\n└── {'path/' * 100}end\n"
