from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="node-selector", description="A step that runs on nodes of a kind.")
def pipeline():
    kubernetes.add_node_selector(idle(), "disk", "ssd")
