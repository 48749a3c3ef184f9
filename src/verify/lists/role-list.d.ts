/** The package brings no types: local parts in lower case. */
declare module "role-based-email-addresses" {
  const localParts: readonly string[];
  export default localParts;
}
