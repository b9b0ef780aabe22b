from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="node-affinity-json", description="A step that runs on the nodes that the run describes.")
def pipeline(affinity: dict = {"preferredDuringSchedulingIgnoredDuringExecution": []}):
    kubernetes.add_node_affinity_json(idle(), affinity)
