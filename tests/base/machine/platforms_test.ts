/**
 * What depends on the operating system, for those on which these tests do not run: paths, commands,
 * signals, and the files of the native engine.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { posix, win32 } from "node:path";
import { cachesOf } from "../../../src/base/machine/cache_folder.ts";
import { endSignals } from "../../../src/base/machine/end_signals.ts";
import { isInside } from "../../../src/base/files/holds_path.ts";
import { quotedOn } from "../../../src/base/quoted.ts";
import { linkerFlags } from "../../../src/engine/native/addon.ts";
import { commandPaths } from "../../../src/engine/native/command.ts";
import { isNeeded, LIBRARY_NAMES } from "../../../src/engine/native/library.ts";
import { findWheel } from "../../../src/engine/native/wheel.ts";
import { isElsewhere, isUrl } from "../../../src/pipeline/registry.ts";

Deno.test("cachesOf() returns the folder that each system has for caches", () => {
  assertEquals(cachesOf("linux", "/home/you"), "/home/you/.cache");
  assertEquals(cachesOf("darwin", "/Users/you"), "/Users/you/Library/Caches");
  const home = "C:\\Users\\you";
  assertEquals(cachesOf("windows", home, "D:\\Local"), "D:\\Local");
  assertEquals(cachesOf("windows", home, undefined), "C:\\Users\\you\\AppData\\Local");
  assertEquals(cachesOf("windows", home, ""), "C:\\Users\\you\\AppData\\Local");
});

Deno.test("endSignals() has no SIGTERM on Windows", () => {
  assertEquals(endSignals("linux"), ["SIGINT", "SIGTERM"]);
  assertEquals(endSignals("darwin"), ["SIGINT", "SIGTERM"]);
  assertEquals(endSignals("windows"), ["SIGINT", "SIGBREAK"]);
});

Deno.test("commandPaths() splits PATH and adds endings as each system's shell does", () => {
  assertEquals(commandPaths("c++", "darwin", "/opt/bin:/usr/bin"), [
    ...["/opt/bin/c++", "/usr/bin/c++"],
  ]);
  assertEquals(commandPaths("/sbin/ldconfig", "linux", "/usr/bin"), ["/sbin/ldconfig"]);
  assertEquals(commandPaths("pip", "windows", "C:\\Python\\Scripts;D:\\b c"), [
    "C:\\Python\\Scripts\\pip.exe",
    "C:\\Python\\Scripts\\pip.cmd",
    "C:\\Python\\Scripts\\pip",
    "D:\\b c\\pip.exe",
    "D:\\b c\\pip.cmd",
    "D:\\b c\\pip",
  ]);
  assertEquals(commandPaths("C:\\LLVM\\clang++", "windows", "D:\\b")[0], "C:\\LLVM\\clang++.exe");
});

Deno.test("quotedOn() quotes for the shells of each system", () => {
  assertEquals(quotedOn("darwin", "runs/a b"), "'runs/a b'");
  assertEquals(quotedOn("linux", "it's"), `'it'\\''s'`);
  assertEquals(quotedOn("windows", "runs\\digits-1"), "runs\\digits-1");
  assertEquals(quotedOn("windows", "C:\\Users\\a b\\x.csv"), '"C:\\Users\\a b\\x.csv"');
  assertEquals(quotedOn("windows", "it's & more"), `"it's & more"`);
  // PowerShell would run the command between $( and ).
  assertEquals(quotedOn("windows", "$(calc)`n"), '"`$(calc)``n"');
  assertEquals(quotedOn("windows", ""), '""');
});

Deno.test("isInside() knows drives and backslashes", () => {
  const onWindows = (folder: string, path: string) => isInside(folder, path, win32.relative);
  assertEquals(onWindows("C:\\work", "C:\\work\\runs\\a"), true);
  assertEquals(onWindows("C:\\work", "c:\\Work\\runs"), true);
  assertEquals(onWindows("C:\\work", "C:\\work"), true);
  for (const other of ["C:\\work-2\\x", "C:\\x", "D:\\work\\x", "\\\\server\\share\\work"]) {
    assertEquals(onWindows("C:\\work", other), false, other);
  }
  const elsewhere = (folder: string, path: string) => isInside(folder, path, posix.relative);
  assertEquals(elsewhere("/Users/you/p", "/Users/you/p/..runs/a"), true);
  assertEquals(elsewhere("/Users/you/p", "/Users/you/p2"), false);
});

Deno.test("a path with a drive is a file and no URL", () => {
  for (const path of ["C:\\plugins\\mine.ts", "c:/plugins/mine.ts", "D:\\mine.ts#loss"]) {
    assertEquals([isUrl(path), isElsewhere(path)], [false, true], path);
  }
  assertEquals(isUrl("file:///C:/plugins/mine.ts"), true);
});

Deno.test("the native engine has a package, file names and linker flags where it is supported", () => {
  const platforms = [
    ["linux", "linux-x86_64", ".so.2"],
    ["linux", "linux-aarch64", ".so.2"],
    ["darwin", "darwin-aarch64", ".2.dylib"],
  ] as const;
  for (const [os, platform, ending] of platforms) {
    assertEquals(/^[0-9a-f]{64}$/.test(findWheel(platform).sha256), true, platform);
    const names = LIBRARY_NAMES[os]!;
    for (const name of names.flat()) assertEquals(name.endsWith(ending), true, name);
    // The last pair is what the Python package contains.
    for (const name of names.at(-1)!) assertEquals(isNeeded(name), true, name);
  }
  assertThrows(() => findWheel("windows-x86_64"), Error, "no C library for windows-x86_64");
  assertStringIncludes(linkerFlags("darwin").join(" "), "@loader_path");
  assertStringIncludes(linkerFlags("linux").join(" "), "$ORIGIN");
});
