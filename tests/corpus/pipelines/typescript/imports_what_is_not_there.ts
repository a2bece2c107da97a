// expect 2: cannot be loaded
import "./none.ts";
export default {};
