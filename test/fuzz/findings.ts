/** Inputs that a decoder once took badly. */
export const findings: readonly { readonly target: string; readonly input: string }[] = [];
