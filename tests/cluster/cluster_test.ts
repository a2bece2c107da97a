import { assertEquals } from "@std/assert";
import { clusterOf } from "../../src/cluster/cluster.ts";
import { hostsOf } from "../../src/cluster/node_list.ts";
import { isPublic } from "../../src/cluster/public_address.ts";

const shown = (variables: Parameters<typeof clusterOf>[0]) => {
  const cluster = clusterOf(variables);
  return cluster && [cluster.rank, ...cluster.addresses];
};
const config = (cluster: unknown, type: string, index: number) => ({
  TF_CONFIG: JSON.stringify({ cluster, task: { type, index }, environment: "cloud" }),
});

Deno.test("clusterOf() reads TF_CONFIG, in which a chief is the first process", () => {
  const cluster = { worker: ["b:1", "[fd00::1]:2"], chief: ["a:1"] };
  assertEquals(shown(config(cluster, "worker", 1)), [2, "a:1", "b:1", "[fd00::1]:2"]);
  assertEquals(shown(config(cluster, "chief", 0)), [0, "a:1", "b:1", "[fd00::1]:2"]);
});

Deno.test("clusterOf() finds no cluster without variables, in empty ones, and with one process", () => {
  for (const TF_CONFIG of [undefined, "", " ", "{}"]) assertEquals(shown({ TF_CONFIG }), undefined);
  assertEquals(shown(config({ worker: ["a:1"] }, "worker", 0)), undefined);
  const slurm = { SLURM_PROCID: "0", SLURM_NTASKS: "1", SLURM_STEP_NODELIST: "n1" };
  assertEquals(shown(slurm), undefined);
  // The script of a batch job with four processes is itself none of them.
  assertEquals(shown({ SLURM_PROCID: "0", SLURM_NTASKS: "4" }), undefined);
  // An indexed job whose runs have nothing to do with each other.
  assertEquals(shown({ JOB_COMPLETION_INDEX: "3" }), undefined);
});

Deno.test("clusterOf() gives processes of one host successive ports in a Slurm job step", () => {
  const step = { SLURM_PROCID: "2", SLURM_NTASKS: "3", SLURM_STEP_NODELIST: "n[09-10]" };
  const counts = { SLURM_STEP_TASKS_PER_NODE: "2,1", SLURM_DISTRIBUTION: "block" };
  assertEquals(shown({ ...step, ...counts }), [2, "n09:7077", "n09:7078", "n10:7077"]);
  const one = { SLURM_PROCID: "1", SLURM_NTASKS: "2", SLURM_STEP_NODELIST: "n1" };
  assertEquals(shown({ ...one, ROCKET_PORT: "9000" }), [1, "n1:9000", "n1:9001"]);
  const each = { SLURM_PROCID: "0", SLURM_NTASKS: "2", SLURM_STEP_NODELIST: "a,b" };
  assertEquals(shown({ ...each, SLURM_DISTRIBUTION: "cyclic" }), [0, "a:7077", "b:7077"]);
});

Deno.test("clusterOf() prefers TF_CONFIG to Slurm, and Slurm to an indexed job", () => {
  const slurm = { SLURM_PROCID: "0", SLURM_NTASKS: "2", SLURM_STEP_NODELIST: "s[1-2]" };
  const job = { JOB_COMPLETION_INDEX: "1", ROCKET_HOSTS: "k1, k2:99" };
  const both = config({ worker: ["t1:1", "t2:1"] }, "worker", 0);
  assertEquals(shown({ ...job, ...slurm, ...both }), [0, "t1:1", "t2:1"]);
  assertEquals(shown({ ...job, ...slurm }), [0, "s1:7077", "s2:7077"]);
  assertEquals(shown(job), [1, "k1:7077", "k2:99"]);
});

Deno.test("hostsOf() expands the brackets of Slurm's lists of hosts", () => {
  // The examples of `scontrol show hostnames` in Slurm's documentation.
  assertEquals(hostsOf("tux[1-3],dev0", "X"), ["tux1", "tux2", "tux3", "dev0"]);
  assertEquals(hostsOf("rack[0-1]node[07,09-10]x", "X"), [
    ...["rack0node07x", "rack0node09x", "rack0node10x"],
    ...["rack1node07x", "rack1node09x", "rack1node10x"],
  ]);
});

Deno.test("isPublic() knows the addresses that the Internet does not forward to", () => {
  const local = [
    ...["10.0.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1"],
    ...["::1", "::", "fd12::1", "fe80::1%eth0", "::ffff:10.0.0.1", "worker-0.train"],
  ];
  const open = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
  assertEquals(local.filter(isPublic), []);
  assertEquals(open.filter((address) => !isPublic(address)), []);
});
