from kfp import dsl


@dsl.container_component
def show(text: str, number: int, ratio: float, flag: bool, items: list, table: dict):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text, number, ratio, flag, items, table])


@dsl.pipeline(name="constants", description="Values of every type, written into the pipeline.")
def pipeline():
    show(
        text="line one\nline two\ttabbed",
        number=9007199254740991,
        ratio=-0.25,
        flag=True,
        items=[1, "two", [3.5, False], {"four": 4}],
        table={"nested": {"list": [1, 2], "empty": {}}, "on": "yes", "date": "2024-01-01"},
    )
