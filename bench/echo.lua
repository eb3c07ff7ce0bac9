-- Daemons that emit what they are handed; two of them have lanes of their own.
local lares = require "lares"

local function echo(_, event) return event.data end

local Echo = lares.daemon "echo"
local Left = lares.daemon("echo-left", {lane = "left"})
local Right = lares.daemon("echo-right", {lane = "right"})
Echo.process, Left.process, Right.process = echo, echo, echo

return {Echo, Left, Right}
