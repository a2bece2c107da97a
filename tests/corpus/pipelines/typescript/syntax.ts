// expect 2: cannot be loaded | --debug
export default { name: 
