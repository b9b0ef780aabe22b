from typing import Dict, List

from kfp import dsl, kubernetes
from kfp.dsl import Dataset, Input, Markdown, Metrics, Model, Output


@dsl.component(base_image="python:3.11", packages_to_install=["pandas==2.2.2"])
def extract(source: str, day: str, table: Output[Dataset]) -> int:
    with open(table.path, "w") as file:
        file.write(f"{source},{day}\n")
    return 1


@dsl.container_component
def check(rows: int, table: Input[Dataset], report: Output[Markdown], verdict: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image="busybox:1.36",
        command=["sh", "-ec", 'test "$0" -gt 0 && echo fine > "$3" || echo empty > "$3"; wc "$1" > "$2"'],
        args=[rows, table.path, report.path, verdict],
    )


@dsl.container_component
def split(table: Input[Dataset], share: float, train: Output[Dataset], test: Output[Dataset]):
    return dsl.ContainerSpec(
        image="busybox:1.36",
        command=["sh", "-ec", 'cp "$0" "$2"; cp "$0" "$3"; echo "$1"'],
        args=[table.path, share, train.path, test.path],
    )


@dsl.component(base_image="python:3.11")
def settings(depths: List[int], rates: List[float]) -> List[Dict[str, float]]:
    return [{"depth": depth, "rate": rate} for depth in depths for rate in rates]


@dsl.container_component
def train(
    table: Input[Dataset],
    depth: float,
    rate: float,
    model: Output[Model],
    metrics: Output[Metrics],
    score: dsl.OutputPath(float),
):
    return dsl.ContainerSpec(
        image="trainer.example.com/train:1.4",
        command=["train", "--table", table.path, "--depth", depth, "--rate", rate],
        args=["--model", model.path, "--metrics", metrics.path, "--score", score],
    )


@dsl.container_component
def best(scores: List[float], score: dsl.OutputPath(float)):
    return dsl.ContainerSpec(image="trainer.example.com/train:1.4", command=["best"], args=[scores, score])


@dsl.container_component
def run(what: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["sh", "-ec"], args=[what])


@dsl.pipeline(name="prepare", description="One source, from raw to checked.")
def prepare(source: str, day: str, share: float = 0.8) -> Dataset:
    raw = extract(source=source, day=day)
    raw.set_retry(num_retries=3, backoff_duration="60s", backoff_factor=2.0)
    kubernetes.use_secret_as_env(raw, secret_name="warehouse", secret_key_to_env={"user": "USER", "word": "PASS"})
    checked = check(rows=raw.outputs["Output"], table=raw.outputs["table"])
    with dsl.Condition(checked.outputs["verdict"] == "empty", name="nothing-came"):
        run(what="echo nothing came")
    parts = split(table=raw.outputs["table"], share=share)
    parts.after(checked)
    return parts.outputs["train"]


@dsl.pipeline(name="search", description="Every setting is tried; the best score is kept.")
def search(table: Input[Dataset], depths: List[int], rates: List[float]) -> float:
    plans = settings(depths=depths, rates=rates)
    with dsl.ParallelFor(plans.output, parallelism=4, name="each-setting") as plan:
        tried = train(table=table, depth=plan.depth, rate=plan.rate)
        tried.set_cpu_request("2").set_cpu_limit("4").set_memory_request("4G").set_memory_limit("8G")
        tried.set_env_variable("OMP_NUM_THREADS", "4").set_caching_options(False)
        kubernetes.add_node_selector(tried, "pool", "training")
        kubernetes.add_toleration(tried, key="training", operator="Exists", effect="NoSchedule")
    return best(scores=dsl.Collected(tried.outputs["score"])).outputs["score"]


@dsl.pipeline(
    name="large",
    description="A nightly training as teams have it: two sources, a search, a volume, a report and a clean end.",
)
def pipeline(
    day: str = "2024-01-01",
    depths: List[int] = [2, 4, 8],
    rates: List[float] = [0.1, 0.01],
    threshold: float = 0.05,
):
    goodbye = run(what="echo the night is over").set_display_name("Say goodbye")
    with dsl.ExitHandler(goodbye, name="night"):
        claim = kubernetes.CreatePVC(
            pvc_name_suffix="-scratch", access_modes=["ReadWriteMany"], size="10Gi", storage_class_name="standard"
        )
        scores = []
        for source in ["orders", "clicks"]:
            ready = prepare(source=source, day=day).set_display_name(f"Prepare {source}")
            found = search(table=ready.output, depths=depths, rates=rates)
            found.set_display_name(f"Search on {source}")
            scores.append(found.output)
        known = dsl.importer(
            artifact_uri="s3://models/champion", artifact_class=Model, metadata={"stage": "production"}
        )
        show = run(what=f"echo {scores[0]} {scores[1]}").after(known)
        kubernetes.add_pod_label(show, "team", "ours")
        kubernetes.set_timeout(show, 600)
        with dsl.Condition(scores[0] > threshold, name="good-enough"):
            copied = run(what="cp -r /scratch/model /scratch/release")
            kubernetes.mount_pvc(copied, pvc_name=claim.outputs["name"], mount_path="/scratch")
            told = run(what="echo released").after(copied)
            kubernetes.use_config_map_as_env(
                told, config_map_name="addresses", config_map_key_to_env={"to": "RECIPIENTS"}
            )
        kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(show)
