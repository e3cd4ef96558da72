import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { command, FAKE, REAL, root, start, train, workplace } from "./spawned.js";

describe.concurrent("usage", () => {
  it("--help fits 80 columns and names commands, options, examples and exit codes", async () => {
    const { code, stdout, stderr } = await train(["--help"], { main: REAL });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    for (const word of [
      "--stage",
      "rl, distill, eval",
      "--config",
      "--resume",
      "--dry-run",
      "--json",
      "doctor",
      "report <run>",
      "Exit codes",
    ]) {
      expect(stdout).toContain(word);
    }
  });

  it("--version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(await train(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  const configs = "adaptive-dapo.yaml";
  it.each([
    [["--stag", "rl"], "error: unknown option --stag; did you mean --stage?\n-> train --help\n"],
    [
      ["--rl.steps=3"],
      "error: unknown option --rl.steps\n-> config values are set without dashes: rl.steps=VALUE\n",
    ],
    [["--stage"], "error: --stage expects a value\n-> train --help\n"],
    [
      ["--stage", "rll"],
      "error: --stage rll: no such stage; expected one of rl, distill\n-> did you mean --stage rl?\n",
    ],
    [["--stage", "rl", "--stage", "rl"], "error: --stage is given 2 times; give it once\n-> train --help\n"],
    [[], `error: --stage is missing; expected one of rl, distill\n-> train --stage rl --config ${configs}\n`],
    [
      ["docter"],
      "error: docter is neither a command (doctor, config, report, ls, replay, verify,\ntestbench, completion) nor an override (key=value)\n-> did you mean: train doctor\n",
    ],
    [["--stage", "rl", "fk.yaml"], "error: fk.yaml: a config is named with --config\n-> --config fk.yaml\n"],
    [
      ["config", "prnt"],
      "error: config prnt: expected one of print, schema, reference\n-> did you mean: train config print\n",
    ],
    [["report"], "error: an argument is missing\n-> train --help\n"],
  ])("%j", async (words, stderr) => {
    expect(await train(words)).toEqual({ code: 2, stdout: "", stderr });
  });

  it("a config that is not there names the near one", async () => {
    const { code, stderr } = await train(["--stage", "rl", "--config", "adpative-dapo.yaml"], { main: REAL });
    expect(code).toBe(2);
    expect(stderr).toContain("-> did you mean --config adaptive-dapo.yaml?\n");
  });

  it("mistakes of a config come all at once, and as one object with --json", async () => {
    const words = ["--stage", "rl", "--config", "fk.yaml", "rl.setps=1", "rl.steps=x"];
    const cwd = workplace();
    const lines = [
      '  override rl.steps=x: expected a whole number >= 0, got "x"',
      "  override rl.setps=1: unknown key; did you mean rl.steps?",
    ];
    expect((await train(words, { cwd })).stderr.split("\n").slice(1, 3)).toEqual(lines);
    const json = await train([...words, "--json"], { cwd });
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      2,
      {
        error: {
          code: "config",
          exit: 2,
          message: "the config has 2 mistakes; nothing was started",
          details: lines.map((l) => l.trim()),
          hint: "every key with its default and meaning: train config reference --stage rl",
        },
      },
    ]);
  });
});

describe.concurrent("completion", () => {
  it.each([
    [["--stage", ""], "rl\ndistill\neval\nsweep\n"],
    [["--stage", "rl", "rl.st"], "rl.steps=\n"],
    [["--stage", "distill", "--config", "dis"], "distill-primer-gpu.yaml\ndistill-primer.yaml\n"],
    [["do"], "doctor\n"],
    [["config", "pr"], "print\n"],
    [["--stage", "nope", "x"], ""],
  ])("%j", async (typed, stdout) => {
    expect(await train(["--complete-words", ...typed], { main: REAL })).toEqual({
      code: 0,
      stdout,
      stderr: "",
    });
  });

  it("bash reads the script, and fills in a word with it", async () => {
    const { stdout, code } = await train(["completion"], { main: REAL });
    expect(code).toBe(0);
    const cwd = workplace();
    writeFileSync(join(cwd, "train"), '#!/bin/sh\nshift\necho "given:$#:$*"\n', { mode: 0o755 });
    const ask = 'COMP_WORDS=(./train --stage ""); COMP_CWORD=2; _veriloop_train; echo "$COMPREPLY"';
    const { stdout: filled } = spawnSync("bash", ["-c", `${stdout}\n${ask}`], { cwd, encoding: "utf8" });
    expect(filled).toBe("given:2:--stage\n");
  });
});

describe.concurrent("a stage", () => {
  const run = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    train(["--stage", "rl", "--config", "fk.yaml", ...words], { cwd: workplace(), env });

  it("prints results on stdout, progress on stderr, and what to type next", async () => {
    expect(await run([], { VERILOOP_PROGRAM: "scripts/train" })).toEqual({
      code: 0,
      stdout:
        "run               fk\nsteps             3\neval.after.pass1  0.12346\n\nnext:\n  scripts/train report fake\n",
      // Control characters of a model's text are shown, not obeyed; no status line without a terminal.
      stderr: "step 1 \\x1b[31mred\\x1b[0m\nwarning: entropy falls\n",
    });
  });

  it("--json ends stdout with the summary alone; --quiet leaves warnings", async () => {
    const { stdout, stderr } = await run(["--json", "--quiet"]);
    expect(JSON.parse(stdout)).toEqual({ run: "fk", steps: 3, eval: { after: { pass1: 0.123456789 } } });
    expect(stderr).toBe("warning: entropy falls\n");
  });

  it("a known error is a paragraph, its details and what to type", async () => {
    expect(await run(["rl.does=fail"])).toEqual({
      code: 3,
      stdout: "",
      stderr: [
        "error: a.jsonl:3: expected a golden that compiles, got one with a syntax error",
        "  a.jsonl:3: module m(; syntax error",
        "  a.jsonl:9: \\x1b[2Jno outputs",
        "-> mend the line or take it out, then run train --stage rl again",
        "",
      ].join("\n"),
    });
  });

  it.each(["crash", "stray"])("a bug (%s) shows a stack, no key, and says that it is one", async (does) => {
    const { code, stderr } = await run([`rl.does=${does}`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*\n {4}at .*fake-cli\.ts/);
    expect(stderr).toContain("this is a bug; please report it");
    expect(stderr).not.toContain("abcdefghijklmnop");
  });

  it("a full disk is an error of the machine, not a bug", async () => {
    const { code, stderr } = await run(["rl.does=disk"]);
    expect([code, stderr.split("\n")[0]]).toEqual([
      4,
      "error: the disk is full (ENOSPC: no space left on device, write)",
    ]);
  });

  it("--dry-run shows the plan and where it would write, and writes nothing", async () => {
    const cwd = workplace();
    const { code, stdout } = await train(
      ["--stage", "rl", "--config", "fk", "--dry-run", "--name", "n", "rl.steps=7"],
      { cwd },
    );
    expect(code).toBe(0);
    expect(stdout).toContain("7 steps on some cores\n");
    expect(stdout).toContain(
      "would write checkpoints/runs/n, with the resolved config in checkpoints/runs/n/config.resolved.yaml\nnothing was started\n",
    );
    expect(stdout).toContain("next:\n  train --stage rl --config fk --name n rl.steps=7\n");
    expect(existsSync(join(cwd, "checkpoints"))).toBe(false);
  });

  it("ends as usual when nobody reads its output", async () => {
    const words = command(FAKE, ["--stage", "rl", "--config", "fk.yaml"])
      .map((w) => `'${w}'`)
      .join(" ");
    const line = `set -o pipefail; ${words} 2>/dev/null | head -n 0`;
    const { status } = spawnSync("bash", ["-c", line], { cwd: workplace(), timeout: 30_000 });
    expect(status).toBe(0);
  });
});

describe.concurrent("signals", () => {
  const wait = (words: readonly string[] = []) =>
    start(FAKE, ["--stage", "rl", "--config", "fk.yaml", "rl.does=wait", ...words], { cwd: workplace() });
  const lives = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  };

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "the first %s stops the stage, which says 75",
    async (signal) => {
      const run = wait(["--json"]);
      await run.said(/child/);
      run.child.kill(signal);
      const { code, stdout, stderr } = await run.ended;
      expect(stderr).toContain("stopping after this micro-step; press again to leave at once\n");
      expect([code, JSON.parse(stdout)]).toMatchObject([75, { saves: 0 }]);
    },
  );

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("the second %s leaves at once with %d and leaves no child", async (signal, expected) => {
    const run = wait(["rl.steps=101"]); // 101: does not stop when asked
    const pid = Number((await run.said(/child (\d+)/))[1]);
    expect(lives(pid)).toBe(true);
    run.child.kill(signal);
    await run.said(/stopping after/);
    run.child.kill(signal); // the same one, passed on by a wrapper: too soon to count
    await new Promise((done) => setTimeout(done, 400));
    expect(run.child.exitCode).toBeNull();
    run.child.kill(signal);
    expect((await run.ended).code).toBe(expected);
    expect(lives(pid)).toBe(false);
  });

  it("SIGUSR2 asks for a checkpoint, once each time, and goes on", async () => {
    const run = wait(["--json"]);
    await run.said(/child/);
    run.child.kill("SIGUSR2");
    await run.said(/saved 1/);
    run.child.kill("SIGUSR2");
    await run.said(/saved 2/);
    run.child.kill("SIGTERM");
    expect(JSON.parse((await run.ended).stdout)).toMatchObject({ saves: 2 });
  });
});

const script = existsSync("/usr/bin/script") && process.platform === "linux";
describe.skipIf(!script)("at a terminal", () => {
  /** Runs under a pseudo-terminal; `typed` is typed when the stage has started. Both streams, then the exit code. */
  const atTerminal = (
    words: readonly string[],
    more: { env?: NodeJS.ProcessEnv; typed?: string } = {},
  ): Promise<string> => {
    const cwd = workplace();
    const line = command(FAKE, ["--stage", "rl", "--config", "fk.yaml", ...words])
      .map((w) => `'${w}'`)
      .join(" ");
    // `:` keeps the shell waiting when Ctrl-C reaches it too.
    writeFileSync(join(cwd, "line.sh"), `trap : INT\nstty cols 60\n${line}\necho "code $?"\n`);
    const env = { ...process.env, TERM: "xterm", NO_COLOR: undefined, FORCE_COLOR: undefined, ...more.env };
    const child = spawn("script", ["-qec", "bash line.sh", "/dev/null"], {
      cwd,
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let shown = "";
    child.stdout.on("data", (data) => {
      shown += data;
      if (more.typed !== undefined && String(data).includes("child")) child.stdin.write(more.typed);
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    return new Promise((done) =>
      child.on("close", () => {
        clearTimeout(timer);
        done(shown);
      }),
    );
  };

  it("rewrites the status line in place and colours warnings", async () => {
    const shown = await atTerminal([]);
    expect(shown).toContain("\r\u001b[2Kstep 1 of 3");
    expect(shown).toContain("\u001b[33mwarning:\u001b[39m entropy falls");
    expect(shown).toContain("code 0");
  });

  it.each([{ NO_COLOR: "1" }, { TERM: "dumb" }])("no colour with %j", async (env) => {
    expect(await atTerminal([], { env })).not.toContain("\u001b[33m");
  });

  it("answers 130, not 75, to somebody who presses Ctrl-C", async () => {
    const shown = await atTerminal(["rl.does=wait"], { typed: "\u0003" });
    expect(shown).toContain("stopping after this micro-step");
    expect(shown).toContain("code 130");
  });
});
