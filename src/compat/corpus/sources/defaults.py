from typing import Dict, List, Optional

from kfp import dsl
from kfp.dsl import Artifact, Input


@dsl.component
def show(
    text: str = "text",
    number: int = 7,
    ratio: float = 0.5,
    flag: bool = True,
    items: list = ["a", 1, 2.5, False],
    table: dict = {"a": {"b": [1, "x"]}},
    nothing: Optional[str] = None,
    artifact: Optional[Input[Artifact]] = None,
):
    print(text, number, ratio, flag, items, table, nothing, artifact)


@dsl.pipeline(name="defaults", description="Inputs of every type, with defaults, and optional ones.")
def pipeline(
    text: str = "tëxt: 'quoted' \\ \"twice\"",
    number: int = -3,
    ratio: float = 1e-9,
    flag: bool = False,
    items: List[str] = [],
    table: Dict[str, int] = {"one": 1},
    nothing: Optional[str] = None,
):
    show(text=text, number=number, ratio=ratio, flag=flag, items=items, table=table, nothing=nothing)
    show()
