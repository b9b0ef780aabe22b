from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="pod-metadata", description="Labels and annotations of a step's pod.")
def pipeline():
    step = idle()
    kubernetes.add_pod_label(step, "team", "ours")
    kubernetes.add_pod_annotation(step, "example.com/note", "any text")
