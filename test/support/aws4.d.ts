/** The part of aws4 that tests use: https://github.com/mhart/aws4 ships no types. */
declare module "aws4" {
  /** Signs one request. */
  class RequestSigner {
    constructor(
      request: {
        readonly method: string;
        /** Path and query, as on the request line. */
        readonly path: string;
        readonly service: string;
        readonly region: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly body?: Buffer;
        /** Signs the headers that are given, and adds none. */
        readonly doNotModifyHeaders?: boolean;
        /** Signed although they are usually left out. */
        readonly extraHeadersToInclude?: Readonly<Record<string, true>>;
      },
      credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
    );
    /** As `20260131T235959Z`; the present unless it is set. */
    datetime?: string;
    /** The request with its `Authorization`. */
    sign(): { readonly headers: Readonly<Record<string, string>> };
  }
  const aws4: { readonly RequestSigner: typeof RequestSigner };
  export default aws4;
}
