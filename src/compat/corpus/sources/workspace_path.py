from kfp import dsl


@dsl.container_component
def write(folder: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["sh", "-ec", 'date > "$0/now"'], args=[folder])


@dsl.container_component
def read(table: dsl.Input[dsl.Dataset]):
    return dsl.ContainerSpec(image="busybox:1.36", command=["cat"], args=[table.path])


@dsl.pipeline(
    name="workspace-path",
    description="The shared volume by its placeholder, and an artifact imported into it.",
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="1Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(pvcSpecPatch={"accessModes": ["ReadWriteOnce"]}),
        ),
    ),
)
def pipeline():
    write(folder=dsl.WORKSPACE_PATH_PLACEHOLDER)
    table = dsl.importer(
        artifact_uri="s3://bucket/table.csv", artifact_class=dsl.Dataset, download_to_workspace=True
    )
    read(table=table.output)
