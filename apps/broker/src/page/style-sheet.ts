export const styleSheet = `
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { max-width: 80rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
code, pre { font: 0.9rem/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid #8885; border-radius: 6px; }
.ready { color: light-dark(#0a7d33, #5bd38a); }
.not-ready { color: light-dark(#b3261e, #ff8a80); }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.25rem 0.75rem; border-bottom: 1px solid #8885; vertical-align: top; }
th { white-space: nowrap; }
td { min-width: 4rem; overflow-wrap: break-word; }
form { margin: 1rem 0; }
input, button { font: inherit; }
`;
