from kfp import dsl


@dsl.container_component
def produce(
    any_kind: dsl.Output[dsl.Artifact],
    table: dsl.Output[dsl.Dataset],
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    classes: dsl.Output[dsl.ClassificationMetrics],
    page: dsl.Output[dsl.HTML],
    text: dsl.Output[dsl.Markdown],
):
    return dsl.ContainerSpec(image="busybox:1.36", command=["touch"], args=[model.path, table.path])


@dsl.container_component
def use(model: dsl.Input[dsl.Model], table: dsl.Input[dsl.Dataset]):
    return dsl.ContainerSpec(image="busybox:1.36", command=["ls"], args=[model.path, table.uri])


@dsl.pipeline(name="artifacts", description="Artifacts of every kind, and one that the run brings along.")
def pipeline(table: dsl.Input[dsl.Dataset]) -> dsl.Model:
    made = produce()
    use(model=made.outputs["model"], table=made.outputs["table"])
    use(model=made.outputs["model"], table=table)
    return made.outputs["model"]
