// The params of a connection or call: given once, or asked for each time.

import { ActorClientError } from "./errors.ts";

/** Where params come from. */
export interface ParamsSource {
  readonly params: unknown;
  /** Makes them anew, each time they are sent. */
  readonly getParams: (() => unknown) | undefined;
}

/**
 * Where the params come from that the options of a handle speak of.
 *
 * @throws {TypeError} when they speak of both, or `getParams` is not a function.
 */
export function paramsSource(
  { params, getParams }: Partial<ParamsSource>,
): ParamsSource {
  if (getParams !== undefined) {
    if (typeof getParams !== "function") {
      throw new TypeError("Cannot get params: getParams is not a function");
    }
    if (params !== undefined) {
      throw new TypeError("Cannot get params: there are params and getParams");
    }
  }
  return { params, getParams };
}

/**
 * The params to send now.
 *
 * @throws {ActorError} `client/get_params_failed` when `getParams` has thrown, with that as its cause.
 */
export async function paramsOf(
  { params, getParams }: ParamsSource,
): Promise<unknown> {
  if (getParams === undefined) return params;
  try {
    return await getParams();
  } catch (cause) {
    throw new ActorClientError("get_params_failed", "getParams has failed", {
      cause,
    });
  }
}
