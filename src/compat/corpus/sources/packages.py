from kfp import dsl


@dsl.component(base_image="python:3.11-slim", packages_to_install=["tabulate==0.9.0", "six"])
def table(rows: int) -> str:
    import tabulate

    return tabulate.tabulate([[row] for row in range(rows)])


@dsl.pipeline(name="packages", description="A step of Python in an image and with packages of its own.")
def pipeline():
    table(rows=3)
