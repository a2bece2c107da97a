import "./none_at_all.ts";
export default 1;
