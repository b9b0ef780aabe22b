from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="node-selector-json", description="A step that runs on nodes that the run names.")
def pipeline(selector: dict = {"disk": "ssd"}):
    kubernetes.add_node_selector_json(idle(), selector)
