// Imported before any schema is built: zod otherwise tries `new Function`, which the content security policy refuses
// and the console reports.
import { config } from 'zod';

config({ jitless: true });
