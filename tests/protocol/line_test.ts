import { assertEquals } from "@std/assert";
import { lineOf, toldLine } from "../../src/protocol/line.ts";
import { test } from "../harness.ts";

const told: [
  headers: Record<string, string>,
  search: string,
  line: "2.0" | "2.3" | undefined,
][] = [
  [{}, "", undefined],
  [{ "user-agent": "Mozilla/5.0 Chrome/140.0" }, "", undefined],
  [{ "user-agent": "RivetKit/2.0.33" }, "", "2.0"],
  [{ "user-agent": "RivetKit/2.2.1 Deno/2.9.6" }, "", "2.0"],
  [{ "user-agent": "RivetKit/1.9.0" }, "", "2.0"],
  [{ "user-agent": "RivetKit/2.3.11 Node.js/22" }, "", "2.3"],
  [{ "user-agent": "RivetKit/2.10.0" }, "", "2.3"],
  [{ "user-agent": "RivetKit/3.0.0" }, "", "2.3"],
  [{ "user-agent": "RivetKit/20.0.0" }, "", "2.3"],
  [{ "user-agent": "NotRivetKit" }, "", undefined],
  [{ "x-rivet-skip-ready-wait": "1" }, "", "2.3"],
  [
    { "sec-websocket-protocol": "rivet,rivet_skip_ready_wait" },
    "",
    "2.3",
  ],
  [
    {
      "sec-websocket-protocol":
        "rivet, rivet_conn_params.rivet_skip_ready_wait",
    },
    "",
    undefined,
  ],
  [{}, "?a=1&rvt-method=get", "2.3"],
  [{ "user-agent": "RivetKit/2.0.33" }, "?rvt-method=get", "2.3"],
  [{}, "?a=rvt-method", undefined],
];

for (const [headers, search, line] of told) {
  test(`${JSON.stringify(headers)} "${search}" is of the line ${line}`, () => {
    const url = `http://actors.test/gateway/rvt-1/action/rvt-2${search}`;
    const request = new Request(url, { headers });
    assertEquals(toldLine(request), line);
    assertEquals(lineOf(request), line ?? "2.0");
  });
}
