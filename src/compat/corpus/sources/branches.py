from kfp import dsl


@dsl.container_component
def pick(word: str, result: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox:1.36", command=["sh", "-ec", 'echo "$0" > "$1"'], args=[word, result])


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="branches", description="If, else if, else; and whichever of them gave the output.")
def pipeline(size: int = 3):
    with dsl.If(size > 10, name="large"):
        large = pick(word="large")
    with dsl.Elif(size > 5, name="medium"):
        medium = pick(word="medium")
    with dsl.Else(name="small"):
        small = pick(word="small")
    chosen = dsl.OneOf(large.outputs["result"], medium.outputs["result"], small.outputs["result"])
    say(text=chosen)
