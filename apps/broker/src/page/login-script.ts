/**
 * An address within the page, `/#/subscriptions/billing`, survives the login: browsers hand the fragment of a form's
 * address on to where they are sent.
 */
export const loginScript = `for (const form of document.forms) form.action += location.hash;
`;

/** The icon in the browser's tab: one hook. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#4453c9"/><path d="M20 6v12a6 6 0 1 1-12 0v-3l4 3" fill="none" stroke="#fff" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/></svg>
`;
