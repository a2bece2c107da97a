import { check, type CommandCase } from "./rows_pipeline.ts";

const run = ["run", "--engine", "wasm", "--quiet", "p.yaml"];
const two = { worker: ["127.0.0.1:7101", "127.0.0.1:7102"] };
const configOf = (cluster: unknown, task: unknown = { type: "worker", index: 0 }) =>
  JSON.stringify({ cluster, task });

/** Environment variables that describe no cluster, and commands that cannot train in one. */
export function* clusterCases(): Iterable<CommandCase> {
  yield* tfConfigCases();
  yield* slurmCases();
  yield* jobCases();
  const env = { TF_CONFIG: configOf(two) };
  const one = (name: string, args: readonly string[], words: readonly string[]): CommandCase => ({
    ...{ name: `cluster: ${name}`, args, code: 2, words, env },
  });
  yield one("an engine that cannot train in one", run, [
    "the engine wasm cannot compute in a cluster",
    "--engine native",
  ]);
  const predict = ["predict", "--engine", "onnx", "run", "new.csv", "--out", "scores.csv"];
  yield one("an engine that cannot predict in one", predict, [
    "the engine onnx cannot compute in a cluster",
    "--engine native",
  ]);
  yield {
    ...one("a sweep", ["sweep", "--engine", "wasm", "--quiet", "--only", "check", "s.yaml"], [
      "each run of a sweep is one process",
    ]),
    files: { "s.yaml": "base: p.yaml\nseeds: [1]\nsettings: { a: {} }\n" },
  };
  yield {
    ...one("a public address", ["run", "--quiet", "p.yaml"], [
      "TensorFlow would listen on the public address 8.8.8.8, without a password",
      "--allow-public-cluster",
    ]),
    env: { TF_CONFIG: configOf({ worker: ["127.0.0.1:7101", "8.8.8.8:7101"] }) },
    mended: { "cluster/public": { args: run, env: { TF_CONFIG: "" } } },
  };
}

function* tfConfigCases(): Iterable<CommandCase> {
  const one = (name: string, text: string, words: readonly string[]): CommandCase => ({
    name: `cluster: TF_CONFIG ${name}`,
    args: [...check, "p.yaml"],
    code: 2,
    words: ["TF_CONFIG", ...words],
    env: { TF_CONFIG: text },
  });
  yield one("that is no JSON", "{", ["is not JSON", "the run is one process"]);
  yield one("that is a list", "[]", ["must be an object, got an array"]);
  yield one("whose cluster has another name", '{"clusters": {}}', [
    "cluster must be an object, got nothing",
  ]);
  yield one("without processes", configOf({}), ["lists no processes"]);
  yield one("with a text instead of a list", configOf({ worker: "a:1" }), [
    "TF_CONFIG (cluster.worker)",
    "must be a list of addresses",
  ]);
  yield one("with a number as an address", configOf({ worker: [7077] }), [
    "TF_CONFIG (cluster.worker[0])",
    "an address must be a text, got the number 7077",
  ]);
  yield one("with an address without a port", configOf({ worker: ["a:1", "b"] }), [
    "TF_CONFIG (cluster.worker[1])",
    '"b" is not the address of a process',
    "HOST:PORT",
  ]);
  yield one("with a port that is too large", configOf({ worker: ["a:70777", "b:1"] }), [
    '"a:70777" is not the address of a process',
  ]);
  yield one("with four numbers that are no address", configOf({ worker: ["1.2.3.400:1"] }), [
    '"1.2.3.400:1" is not the address of a process',
  ]);
  yield one(
    "with a number that the system reads as an address",
    configOf({
      worker: ["0x08080808:1", "b:1"],
    }),
    ['"0x08080808:1" is not the address of a process'],
  );
  yield one("with a host in two ways of writing", configOf({ worker: ["Node:1", "node:1"] }), [
    "the address node:1 is there twice",
  ]);
  yield one("with an address twice", configOf({ worker: ["a:1", "b:1", "a:1"] }), [
    "the address a:1 is there twice",
    "different ports",
  ]);
  yield one("with a type that is near", configOf({ workers: ["a:1"] }), [
    'no processes of the type "workers"',
    "did you mean worker?",
  ]);
  yield one("with parameter servers", configOf({ ...two, ps: ["a:1"] }), [
    'no processes of the type "ps"; each process trains and evaluates',
    "the types are chief, worker",
  ]);
  yield one("without a task", JSON.stringify({ cluster: two }), [
    "task must be an object, got nothing",
  ]);
  yield one("with a task without a type", configOf(two, { index: 0 }), [
    "TF_CONFIG (task.type)",
    'task.type must be "worker" or "chief", got nothing',
  ]);
  yield one("with a task out of range", configOf(two, { type: "worker", index: 2 }), [
    "TF_CONFIG (task.index)",
    "the task index 2 is out of range: TF_CONFIG lists 2 of the type worker, numbered from 0",
  ]);
  yield one("with an index that is a text", configOf(two, { type: "worker", index: "0" }), [
    'the task index "0" is out of range',
  ]);
  yield one("with a chief that is not listed", configOf(two, { type: "chief", index: 0 }), [
    "TF_CONFIG lists no chief",
  ]);
}

function* slurmCases(): Iterable<CommandCase> {
  const right = { SLURM_PROCID: "0", SLURM_NTASKS: "4", SLURM_STEP_NODELIST: "n[1-2]" };
  const one = (
    name: string,
    env: Readonly<Record<string, string>>,
    words: readonly string[],
    mended?: CommandCase["mended"],
  ): CommandCase => ({
    name: `cluster: Slurm ${name}`,
    args: [...check, "p.yaml"],
    code: 2,
    words,
    env: { ...right, SLURM_STEP_TASKS_PER_NODE: "2(x2)", ...env },
    ...(mended && { mended }),
  });
  const listed = (name: string, list: string, why: string) =>
    one(name, { SLURM_STEP_NODELIST: list }, ["SLURM_STEP_NODELIST is not a list of hosts", why]);
  yield listed("with a bracket too many", "n[1-2", "a bracket or a comma too many");
  yield listed("with a comma too many", "a,,b", "a bracket or a comma too many");
  yield listed("with letters in brackets", "n[1-x]", '"1-x" is not a number or a range');
  yield listed("with a range that runs backwards", "n[3-1]", "the range 3-1 ends before it starts");
  yield listed("with too many hosts", "n[1-999999999]", "more than 65536 hosts");
  yield listed("with too many hosts in several brackets", "n[1-9999][1-9999]", "65536 hosts");
  const many = (text: string) => Array(50).fill(text).join(",");
  yield listed("with too many hosts in all", many("n[0-65535]"), "more than 65536 hosts");
  yield listed("with too many ranges", `n[${many("0-65535")}]`, "more than 65536 hosts");
  yield listed("with many open brackets", "x[".repeat(20_000), "a bracket or a comma too many");
  yield one("with too many processes", { SLURM_NTASKS: "65537" }, [
    'SLURM_NTASKS must be a whole number from 0 to 65536, got "65537"',
  ]);
  yield one("with hosts that are repeated too often", {
    SLURM_STEP_TASKS_PER_NODE: "9(x999999),9(x999999)",
  }, ["4 processes on 2 hosts do not agree"]);
  yield one("with a host that is none", { SLURM_STEP_NODELIST: "a b,c" }, [
    '"a b:7077" is not the address of a process',
  ], { "cluster/address": { env: { SLURM_STEP_NODELIST: "" } } });
  yield one("with a number of processes that is none", { SLURM_NTASKS: "four" }, [
    "SLURM_NTASKS must be a whole number",
    'got "four"',
  ]);
  yield one("with a process out of range", { SLURM_PROCID: "4" }, [
    'SLURM_PROCID must be a whole number from 0 to 3, got "4"',
  ]);
  yield one("without the processes of each host", { SLURM_STEP_TASKS_PER_NODE: "" }, [
    '4 processes on 2 hosts do not agree with SLURM_STEP_TASKS_PER_NODE=""',
    "srun",
  ]);
  yield one("with other processes of each host", { SLURM_STEP_TASKS_PER_NODE: "2,3" }, [
    'SLURM_STEP_TASKS_PER_NODE="2,3"',
  ]);
  yield one("with a cyclic distribution", { SLURM_DISTRIBUTION: "cyclic" }, [
    'distributed over the hosts by "cyclic"',
    "--distribution=block",
  ]);
  yield one("with a port that leaves no room", { ROCKET_PORT: "65535" }, [
    "ROCKET_PORT must be a port from 1 to 65534",
    "unset it for the port 7077",
  ]);
}

function* jobCases(): Iterable<CommandCase> {
  const one = (
    name: string,
    env: Readonly<Record<string, string>>,
    words: readonly string[],
  ): CommandCase => ({
    name: `cluster: an indexed job ${name}`,
    args: [...check, "p.yaml"],
    code: 2,
    words,
    env: { JOB_COMPLETION_INDEX: "0", ROCKET_HOSTS: "a,b", ...env },
  });
  yield one("without an index", { JOB_COMPLETION_INDEX: "" }, [
    "ROCKET_HOSTS is set, but JOB_COMPLETION_INDEX is not",
  ]);
  yield one("with an index out of range", { JOB_COMPLETION_INDEX: "2" }, [
    'JOB_COMPLETION_INDEX must be a whole number from 0 to 1, got "2"',
  ]);
  yield one("with an empty host", { ROCKET_HOSTS: "a,,b" }, [
    '"" is not the address of a process',
  ]);
  yield one("with a host twice", { ROCKET_HOSTS: "a,a" }, ["the address a:7077 is there twice"]);
  yield one("with a port that is none", { ROCKET_PORT: "http" }, [
    'ROCKET_PORT must be a port from 1 to 65535, got "http"',
  ]);
}
