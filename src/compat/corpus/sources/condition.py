from kfp import dsl


@dsl.component
def flip(seed: int) -> str:
    return "heads" if seed % 2 else "tails"


@dsl.component
def cheer():
    print("won")


@dsl.pipeline(name="condition", description="A step that runs only when another said so, in the words of the first SDKs.")
def pipeline(seed: int = 1):
    with dsl.Condition(flip(seed=seed).output == "heads", name="won"):
        cheer()
