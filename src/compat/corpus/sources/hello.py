from kfp import dsl


@dsl.component
def hello(name: str) -> str:
    return f"Hello, {name}"


@dsl.pipeline(name="hello", description="One step of Python, one parameter.")
def pipeline(name: str = "world") -> str:
    return hello(name=name).output
