import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const PLAIN =
  "bash sh cksum find sort xargs cat mkdir rm mv tail head sleep id uname dirname readlink tr touch env ls";

/** A checkout of two files on a machine that has only what is put on its PATH. */
function machine(has: readonly string[] = ["iverilog", "vvp", "yosys", "bwrap"]) {
  const place = mkdtempSync(join(tmpdir(), "setup-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const [bin, clone] = [join(place, "bin"), join(place, "clone")];
  const write = (path: string, text: string): void => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  };
  mkdirSync(bin);
  for (const name of PLAIN.split(" ")) {
    const real = ["/usr/bin", "/bin"].map((d) => join(d, name)).find((p) => existsSync(p));
    if (real !== undefined) symlinkSync(real, join(bin, name));
  }
  symlinkSync(process.execPath, join(bin, "node"));
  for (const name of has) write(join(bin, name), "#!/bin/sh\n");
  // An npm that counts its runs, and whose tsc copies src, or fails while there is a file named `broken`.
  const tsc =
    '#!/bin/sh\n[ -f "$(dirname "$2")/broken" ] && { echo "error TS1"; exit 2; }\nmkdir -p "$4/cli" && cat "$(dirname "$2")/src/main.ts" >"$4/cli/main.js"\n';
  write(join(place, "tsc"), tsc);
  write(
    join(bin, "npm"),
    `#!/bin/sh\necho "$* $ONNXRUNTIME_NODE_INSTALL" >>${place}/npm-ran\nrm -rf node_modules\nmkdir -p node_modules/.bin\n` +
      `[ -f ${place}/no-network ] && { echo "npm error network"; exit 1; }\n` +
      `cat ${place}/tsc >node_modules/.bin/tsc\n/bin/chmod +x node_modules/.bin/tsc\ncat package-lock.json >node_modules/.package-lock.json\n`,
  );
  cpSync(join(root, "scripts/setup"), join(clone, "scripts/setup"));
  write(join(clone, "src/main.ts"), "// one\n");
  for (const name of ["package.json", "tsconfig.json", "tsconfig.build.json"]) write(join(clone, name), "{}");
  write(
    join(clone, "package-lock.json"),
    JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }),
  );
  return {
    place,
    clone,
    bin,
    write,
    built: () => readFileSync(join(clone, "dist/cli/main.js"), "utf8"),
    npmRuns: () =>
      existsSync(join(place, "npm-ran"))
        ? readFileSync(join(place, "npm-ran"), "utf8").trim().split("\n")
        : [],
    setup: (...words: string[]) => {
      const { status, stdout, stderr } = spawnSync(join(clone, "scripts/setup"), words, {
        cwd: place,
        env: { PATH: bin, HOME: place },
        encoding: "utf8",
        timeout: 30_000,
      });
      return { status, stdout, stderr };
    },
  };
}
const NOTHING = { status: 0, stdout: "", stderr: "" };

describe("scripts/setup", () => {
  it("installs and builds with progress lines, then is silent", () => {
    const m = machine();
    expect(m.setup()).toEqual({
      status: 0,
      stdout: "",
      stderr: "setup: installing npm packages (once, about half a minute)\nsetup: building\nsetup: ready\n",
    });
    expect(m.npmRuns()).toEqual(["ci --no-audit --no-fund --loglevel=error skip"]);
    expect(m.setup()).toEqual(NOTHING);
    expect(m.npmRuns()).toHaveLength(1);
  });

  it("builds again when a source changes, whatever its time, and installs again when the lock does", () => {
    const m = machine();
    m.setup();
    m.write(join(m.clone, "src/main.ts"), "// two\n");
    expect(m.setup().stderr).toBe("setup: building\nsetup: ready\n");
    expect(m.built()).toBe("// two\n");
    m.write(
      join(m.clone, "package-lock.json"),
      JSON.stringify({ packages: { "node_modules/a": { version: "2.0.0" } } }),
    );
    expect(m.setup().stderr).toContain("installing npm packages");
    expect(m.npmRuns()).toHaveLength(2);
  });

  it("does not take a failed install for a done one", () => {
    const m = machine();
    m.write(join(m.place, "no-network"), "");
    const failed = m.setup();
    expect(failed.status).toBe(4);
    expect(failed.stderr).toContain("npm error network");
    expect(failed.stderr).toContain("run it again when the network is back");
    rmSync(join(m.place, "no-network"));
    expect(m.setup()).toMatchObject({ status: 0 });
    expect(m.npmRuns()).toHaveLength(2);
  });

  it("keeps the last build when one fails, and tries again", () => {
    const m = machine();
    m.setup();
    m.write(join(m.clone, "broken"), "");
    m.write(join(m.clone, "src/main.ts"), "// two\n");
    const failed = m.setup();
    expect([failed.status, m.built()]).toEqual([1, "// one\n"]);
    expect(failed.stderr).toContain("error TS1");
    rmSync(join(m.clone, "broken"));
    expect([m.setup().status, m.built()]).toEqual([0, "// two\n"]);
  });

  it("accepts packages that were installed by hand", () => {
    const m = machine();
    m.setup();
    rmSync(join(m.clone, ".setup"), { recursive: true });
    expect(m.setup().stderr).toBe("setup: building\nsetup: ready\n");
  });

  it("exits 4 with the command for each package system when tools are missing and cannot be installed", () => {
    const m = machine([]);
    const { status, stderr } = m.setup();
    expect(status).toBe(4);
    for (const line of [
      "sudo apt-get install iverilog yosys bubblewrap",
      "sudo dnf install iverilog yosys bubblewrap",
      "brew install icarus-verilog yosys",
      "conda install -c conda-forge iverilog yosys bubblewrap",
    ]) {
      expect(stderr).toContain(`setup:   ${line}`);
    }
    expect(m.setup("--no-tools")).toEqual(NOTHING);
    for (const name of ["iverilog", "vvp", "yosys", "bwrap"]) m.write(join(m.bin, name), "#!/bin/sh\n");
    expect(m.setup()).toEqual(NOTHING);
  });

  it.runIf(process.getuid?.() === 0 && process.platform === "linux")("installs tools with apt-get", () => {
    const m = machine([]);
    const made = ["iverilog", "vvp", "yosys", "bwrap"].map(
      (n) => `echo "#!/bin/sh" >${m.bin}/${n}; /bin/chmod +x ${m.bin}/${n}`,
    );
    m.write(
      join(m.bin, "apt-get"),
      `#!/bin/sh\necho "$*" >>${m.place}/apt-ran\ncase "$*" in *install*) ${made.join("; ")} ;; esac\n`,
    );
    expect(m.setup()).toMatchObject({ status: 0 });
    expect(readFileSync(join(m.place, "apt-ran"), "utf8")).toContain(
      "install -q -y --no-install-recommends iverilog yosys bubblewrap\n",
    );
    expect(m.setup()).toEqual(NOTHING);
  });

  it.runIf(process.platform === "linux")("says once that bubblewrap is missing, and goes on", () => {
    const m = machine(["iverilog", "vvp", "yosys"]);
    const first = m.setup();
    expect([first.status, first.stderr.includes("still missing: bubblewrap")]).toEqual([0, true]);
    expect(m.setup()).toEqual(NOTHING);
  });

  it("refuses an old Node and says how to get a newer one", () => {
    const m = machine();
    rmSync(join(m.bin, "node"));
    m.write(join(m.bin, "node"), '#!/bin/sh\n[ "$1" = -p ] && { echo 18.19.0; exit 0; }\nexit 1\n');
    const { status, stderr } = m.setup();
    expect(status).toBe(4);
    expect(stderr).toContain("expected Node >= 20.19, got 18.19.0");
    expect(stderr).toContain("nvm install 22");
    expect(m.npmRuns()).toEqual([]);
  });

  it("does not wait for a setup that was killed", () => {
    const m = machine();
    mkdirSync(join(m.clone, ".setup/lock"), { recursive: true });
    writeFileSync(join(m.clone, ".setup/lock/pid"), "4194305\n");
    expect(m.setup()).toMatchObject({ status: 0 });
  });
});
