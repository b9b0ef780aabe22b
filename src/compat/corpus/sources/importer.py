from kfp import dsl


@dsl.container_component
def read(table: dsl.Input[dsl.Dataset]):
    return dsl.ContainerSpec(image="busybox:1.36", command=["cat"], args=[table.path])


@dsl.pipeline(name="importer", description="Artifacts that no step made.")
def pipeline(uri: str = "s3://bucket/other.csv"):
    fixed = dsl.importer(
        artifact_uri="s3://bucket/table.csv",
        artifact_class=dsl.Dataset,
        reimport=True,
        metadata={"rows": 10, "source": "hand"},
    )
    given = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
    read(table=fixed.output)
    read(table=given.output)
