from kfp import dsl


@dsl.container_component
def write(folder: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["sh", "-ec", 'date > "$0/now"'], args=[folder])


@dsl.pipeline(
    name="workspace",
    description="A volume that all steps of a run share, on storage of a given kind.",
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="5Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(
                pvcSpecPatch={"storageClassName": "fast", "accessModes": ["ReadWriteMany"]}
            ),
        ),
    ),
)
def pipeline():
    write(folder="/kfp-workspace")
