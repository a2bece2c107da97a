import type { Wheel } from "./wheel.ts";

/** A Python package of the GPU build. */
export type GpuWheel = Wheel & {
  /** The package's version. */
  readonly version: string;
  /** The size of the package's file, in bytes. */
  readonly bytes: number;
};

/**
 * The Python packages of TensorFlow for NVIDIA GPUs: TensorFlow itself, and the libraries of CUDA
 * that its extra `and-cuda` names. The versions are pinned, so that all machines compute with the
 * same libraries.
 */
export const GPU_WHEELS: readonly GpuWheel[] = [
  {
    name: "tensorflow",
    version: "2.21.0",
    tag: "manylinux_2_27_x86_64",
    bytes: 572_611_111,
    sha256: "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0",
  },
  {
    name: "nvidia-cublas-cu12",
    version: "12.9.3.13",
    tag: "manylinux_2_27_x86_64",
    bytes: 581_217_458,
    sha256: "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72",
  },
  {
    name: "nvidia-cuda-cupti-cu12",
    version: "12.8.90",
    tag: "manylinux2014_x86_64",
    bytes: 10_248_621,
    sha256: "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
  },
  {
    name: "nvidia-cuda-nvcc-cu12",
    version: "12.9.86",
    tag: "manylinux2010_x86_64",
    bytes: 40_546_229,
    sha256: "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
  },
  {
    name: "nvidia-cuda-nvrtc-cu12",
    version: "12.9.86",
    tag: "manylinux2010_x86_64",
    bytes: 89_568_129,
    sha256: "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
  },
  {
    name: "nvidia-cuda-runtime-cu12",
    version: "12.9.79",
    tag: "manylinux2014_x86_64",
    bytes: 3_493_179,
    sha256: "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
  },
  {
    name: "nvidia-cudnn-cu12",
    version: "9.28.0.42",
    tag: "manylinux_2_27_x86_64",
    bytes: 716_538_495,
    sha256: "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375",
  },
  {
    name: "nvidia-cufft-cu12",
    version: "11.4.1.4",
    tag: "manylinux2014_x86_64",
    bytes: 200_877_592,
    sha256: "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28",
  },
  {
    name: "nvidia-curand-cu12",
    version: "10.3.10.19",
    tag: "manylinux_2_27_x86_64",
    bytes: 68_295_626,
    sha256: "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e",
  },
  {
    name: "nvidia-cusolver-cu12",
    version: "11.7.5.82",
    tag: "manylinux_2_27_x86_64",
    bytes: 338_117_415,
    sha256: "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88",
  },
  {
    name: "nvidia-cusparse-cu12",
    version: "12.5.10.65",
    tag: "manylinux2014_x86_64",
    bytes: 366_465_088,
    sha256: "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78",
  },
  {
    name: "nvidia-nccl-cu12",
    version: "2.32.3",
    tag: "manylinux_2_27_x86_64",
    bytes: 351_526_311,
    sha256: "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c",
  },
  {
    name: "nvidia-nvjitlink-cu12",
    version: "12.9.86",
    tag: "manylinux2010_x86_64",
    bytes: 39_748_338,
    sha256: "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9",
  },
];

/** The size of the files that are unpacked from {@linkcode GPU_WHEELS}, in bytes. */
export const GPU_BYTES = 5_700_000_000;
