// A board with an HTTP interface of its own: GET and POST /notes, and GET /events, a stream that
// tells of every note as it is pinned.
//
//   deno run -A examples/raw_http.ts
//   bun examples/raw_http.ts
//
// Then, with the URL that it prints:
//
//   curl -N $URL/events &
//   curl -d "buy milk" $URL/notes

import { actor, createClient, setup } from "@troupe/actors";

const board = actor({
  state: { notes: [] as string[] },
  // Who listens now; not saved, for a stream ends with its process.
  createVars: (c) => {
    const listeners = new Set<ReadableStreamDefaultController>();
    // A stop waits for open streams, for a time; this ends them at once.
    c.abortSignal.addEventListener("abort", () => {
      for (const listener of listeners) listener.close();
    });
    return { listeners };
  },
  async onRequest(c, request) {
    const { pathname } = new URL(request.url);
    const { listeners } = c.vars;
    switch (`${request.method} ${pathname}`) {
      case "GET /notes":
        return Response.json(c.state.notes);
      case "POST /notes": {
        const note = await request.text();
        c.state.notes.push(note);
        // Nobody reads this before the note is on disk.
        const event = new TextEncoder().encode(`data: ${note}\n\n`);
        for (const listener of listeners) listener.enqueue(event);
        return new Response(null, { status: 201 });
      }
      case "GET /events": {
        let own: ReadableStreamDefaultController;
        const body = new ReadableStream({
          start(controller) {
            own = controller;
            listeners.add(own);
            // Bun sends a response when its first part is there.
            own.enqueue(new TextEncoder().encode(": welcome\n\n"));
          },
          cancel: () => void listeners.delete(own),
        });
        return new Response(body, {
          headers: { "content-type": "text/event-stream" },
        });
      }
    }
    // Without a response the caller gets a 404.
  },
  actions: {},
});

export const registry = setup({ use: { board } });
registry.serve();

const client = createClient<typeof registry>();
const url = await client.board.getOrCreate("kitchen").getGatewayUrl();
console.log(`The board is at ${url}/request`);
