from kfp import dsl


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="nested-loops", description="A loop in a loop, over fields of items and over a parameter, with a condition inside.")
def pipeline(words: list = ["a", "b"]):
    with dsl.ParallelFor([{"letter": "x", "turn": 1}, {"letter": "y", "turn": 2}], parallelism=1) as item:
        say(text=item.letter)
        with dsl.ParallelFor(words) as word:
            with dsl.Condition(item.turn == 1):
                say(text=word)
