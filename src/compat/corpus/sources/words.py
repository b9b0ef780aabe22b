from kfp import dsl


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(
    name="words",
    description="""Ein langer Text in vielen Schriften: äöüß, ελληνικά, русский, 中文, 日本語, عربى, עברית, 🚀👩‍🔬.

Second paragraph, with "quotes", 'single ones', a # that is no comment, a : that is no key, {{braces}}, ${dollars},
a tab\tand a backslash \\ in it. """
    + "A long sentence that goes on and on. " * 20,
)
def pipeline(text: str = "naïve 🚀\u2028line"):
    say(text=text)
    say(text="--- not: [a, document]")
